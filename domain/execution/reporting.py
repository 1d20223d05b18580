"""Listening to the venue: what it reports is booked, what it cannot have meant is kept aside."""

import asyncio
from contextlib import aclosing

from domain.clock import Clock
from domain.errors import NotFound, Refused
from domain.execution.booking import Booking
from domain.execution.inquiry import Inquiry
from domain.execution.lanes import Lanes
from domain.execution.reconciliation import Reconciliation
from domain.execution.venue_problems import VenueProblems
from domain.order.order import order_id_of
from domain.venue import EndReport, OrderReport, Report, StreamGap, UnreadableReport, Venue

SIDE_BY_SIDE = 256
REOPEN_SECONDS = 1


class Reporting:
    """Books reports until cancelled: those of one order in turn, orders side by side.

    Where the stream breaks or has a gap, the venue's records fill it.
    """

    def __init__(
        self,
        *,
        venue: Venue,
        booking: Booking,
        inquiry: Inquiry,
        reconciliation: Reconciliation,
        problems: VenueProblems,
        clock: Clock,
    ) -> None:
        self._venue = venue
        self._booking = booking
        self._inquiry = inquiry
        self._reconciliation = reconciliation
        self._problems = problems
        self._clock = clock
        self.listening = asyncio.Event()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            lanes = Lanes(group, SIDE_BY_SIDE)
            while True:
                await self._listen(lanes)
                self._reconciliation.hurry()
                await self._clock.sleep(REOPEN_SECONDS)

    async def _listen(self, lanes: Lanes) -> None:
        async with aclosing(self._venue.reports()) as reports:
            self.listening.set()
            async for report in reports:
                await lanes.room()
                await self._take(report, lanes)

    async def _take(self, report: Report, lanes: Lanes) -> None:
        match report:
            case StreamGap():
                self._reconciliation.hurry()
            case UnreadableReport():
                await self._problems.note("unreadable_report", report.reason, report.raw)
                self._reconciliation.hurry()
            case _:
                lanes.put(report.client_order_id, lambda: self._book(report))

    async def _book(self, report: OrderReport) -> None:
        try:
            await self._booking.book(report)
            if isinstance(report, EndReport) and not await self._booking.has_ended(report):
                self._suspect(report)
        except NotFound:
            self._reconciliation.hurry()
        except Refused as problem:
            await self._problems.note(problem.code, str(problem), report)
            self._suspect(report)

    def _suspect(self, report: OrderReport) -> None:
        order_id = order_id_of(report.client_order_id)
        if order_id is not None:
            self._inquiry.suspect(order_id)
