"""A venue behind a network that loses, delays, repeats, reorders and garbles."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

import msgspec

from adapters.venues.answers import AnswerReader, write_outcome, write_report
from domain.clock import Clock
from domain.instrument import Instrument
from domain.venue import (
    Absent,
    Ambiguous,
    Amendment,
    BustReport,
    FillReport,
    OpenOrder,
    OrderReport,
    OrderState,
    Outcome,
    Report,
    SendWindow,
    StreamGap,
    UnreadableAnswer,
    UnreadableReport,
    Venue,
    VenueHealth,
    VenueOrder,
    VenuePosition,
    VenueUnavailable,
)
from tests.doubles.garble import garble

Answer = TypeVar("Answer")

MILLION = Decimal(1_000_000)
"""More than any order asks for: what an overstated fill says beyond the truth."""

OVERSTATED = 0.1
"""The share of garbled fills that can be read and cannot be true of their order."""

MAX_HEARD = 10_000
"""Reports that a listener may be behind by before the wire waits for it."""


class Faults(msgspec.Struct, frozen=True, kw_only=True):
    """How often each fault happens, from 0 to 1, and for how many seconds at most.

    - ``lost_request``: it never arrives; the sender hears nothing.
    - ``late_request``: it arrives up to ``late_by`` seconds after the sender gave up on it.
    - ``lost_answer``: the venue acted; the sender hears nothing.
    - ``corrupt_answer``: the venue acted, or reported; what comes of it cannot be read,
      or cannot be. After such a report a gap is announced.
    - ``unavailable``: a question is not answered; a request is answered by nobody.
    - ``duplicate_report``, ``reordered_report``: again, or only, up to ``report_late_by`` later.
    - ``gap``: reports are lost for up to ``report_late_by``, and then that is announced.
    - ``lost_report``: it never arrives, and nobody says so.
    - ``outage``: at a request or a question the venue goes away for up to ``out_for`` seconds;
      what it would have reported meanwhile falls into a gap.

    Every request and answer takes up to ``delay``.
    """

    lost_request: float = 0
    late_request: float = 0
    lost_answer: float = 0
    corrupt_answer: float = 0
    unavailable: float = 0
    duplicate_report: float = 0
    reordered_report: float = 0
    gap: float = 0
    lost_report: float = 0
    outage: float = 0
    delay: float = 0
    late_by: float = 10
    report_late_by: float = 1
    out_for: float = 30


class UnreliableVenue:
    """Implements domain.venue.Venue over one that answers; keep ``run`` going with it.

    ``inner`` may be exchanged when that venue restarts, ``faults`` at any time. The same dice and
    the same order of calls give the same faults; ``happened`` counts them.
    """

    def __init__(self, inner: Venue, faults: Faults, dice: random.Random, clock: Clock) -> None:
        self.inner = inner
        self.faults = faults
        self.name = inner.name
        self.capabilities = inner.capabilities
        self.happened: Counter[str] = Counter()
        self._dice = dice
        self._clock = clock
        self._out_until = 0.0
        self._work = asyncio.Queue[Callable[[], Coroutine[None, None, None]]]()

    async def run(self) -> None:
        """Deliver what is late, and reports, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                work = await self._work.get()
                tasks.create_task(work())

    # Requests

    async def submit(self, order: VenueOrder) -> Outcome:
        return await self._request(lambda: self.inner.submit(order))

    async def amend(
        self,
        account_id: str,
        client_order_id: str,
        change: Amendment,
        window: SendWindow | None = None,
    ) -> Outcome:
        return await self._request(
            lambda: self.inner.amend(account_id, client_order_id, change, window)
        )

    async def cancel(self, account_id: str, client_order_id: str) -> Outcome:
        return await self._request(lambda: self.inner.cancel(account_id, client_order_id))

    # Questions

    async def open_orders(self, account_id: str) -> Sequence[OpenOrder]:
        return await self._ask(lambda: self.inner.open_orders(account_id))

    async def find_order(self, account_id: str, client_order_id: str) -> OrderState | Absent:
        return await self._ask(lambda: self.inner.find_order(account_id, client_order_id))

    async def find_venue_order(self, account_id: str, venue_order_id: str) -> OrderState | Absent:
        return await self._ask(lambda: self.inner.find_venue_order(account_id, venue_order_id))

    async def fills_since(self, account_id: str, at: datetime) -> Sequence[FillReport]:
        return await self._ask(lambda: self.inner.fills_since(account_id, at))

    async def positions(self, account_id: str) -> Sequence[VenuePosition]:
        return await self._ask(lambda: self.inner.positions(account_id))

    async def balances(self, account_id: str) -> Mapping[str, Decimal]:
        return await self._ask(lambda: self.inner.balances(account_id))

    async def instruments(self) -> Sequence[Instrument]:
        return await self._ask(self.inner.instruments)

    async def status(self) -> VenueHealth:
        return await self._ask(self.inner.status)

    # Reports

    def reports(self) -> AsyncGenerator[Report]:
        wire = _Wire(self, self.inner.reports())
        self._work.put_nowait(wire.run)
        return wire.heard()

    # What the network does

    def happens(self, fault: str) -> bool:
        """Roll the dice for a fault of this name."""
        rate: float = getattr(self.faults, fault)
        strikes = rate > 0 and self._dice.random() < rate
        self.happened[fault] += strikes
        return strikes

    def later(self, at_most: float, act: Callable[[], Coroutine[None, None, None]]) -> None:
        """Do something within so many seconds, while others go on."""
        seconds = self._dice.uniform(0, at_most)

        async def wait_and_act() -> None:
            await self._clock.sleep(seconds)
            await act()

        self._work.put_nowait(wait_and_act)

    async def _request(self, send: Callable[[], Awaitable[Outcome]]) -> Outcome:
        await self._travel()
        if self._is_away() or self.happens("unavailable"):
            return Ambiguous("503 Service Unavailable")
        if self.happens("lost_request"):
            return Ambiguous("no answer")
        if self.happens("late_request"):
            self.later(self.faults.late_by, lambda: _done(send()))
            return Ambiguous("no answer")
        outcome = await send()
        await self._travel()
        if self.happens("lost_answer"):
            return Ambiguous("no answer")
        if self.happens("corrupt_answer"):
            return self._read_garbled(outcome)
        return outcome

    async def _ask(self, question: Callable[[], Awaitable[Answer]]) -> Answer:
        await self._travel()
        if self._is_away() or self.happens("unavailable"):
            raise VenueUnavailable("503 Service Unavailable")
        answer = await question()
        await self._travel()
        if self.happens("corrupt_answer"):
            raise UnreadableAnswer("it is cut off", _cut_off(answer))
        return answer

    @property
    def is_out(self) -> bool:
        """Once the faults have been taken back, no outage goes on."""
        return self.faults.outage > 0 and self._clock.monotonic() < self._out_until

    def _is_away(self) -> bool:
        if not self.is_out and self.happens("outage"):
            self._out_until = self._clock.monotonic() + self._dice.uniform(0, self.faults.out_for)
        return self.is_out

    def _read_garbled(self, outcome: Outcome) -> Outcome:
        """What a reader makes of the answer once it is garbled."""
        if isinstance(outcome, Ambiguous):
            return outcome
        raw = garble(write_outcome(outcome), self._dice)
        return AnswerReader(frozenset()).read_outcome(raw, outcome.at)

    def garbled(self, report: OrderReport) -> Report:
        """What a reader makes of the report once it is garbled, or overstated."""
        if isinstance(report, FillReport) and self._dice.random() < OVERSTATED:
            return msgspec.structs.replace(report, quantity=report.quantity + MILLION)
        raw = garble(write_report(report), self._dice)
        symbol = report.symbol if isinstance(report, FillReport | BustReport) else ""
        return AnswerReader(frozenset({symbol})).read_report(raw, report.at)

    async def _travel(self) -> None:
        if self.faults.delay > 0:
            await self._clock.sleep(self._dice.uniform(0, self.faults.delay))


class _Wire:
    """One listener's stream of reports, on its way."""

    def __init__(self, venue: UnreliableVenue, sent: AsyncGenerator[Report]) -> None:
        self._venue = venue
        self._sent = sent
        self._arrived = asyncio.Queue[Report | None](MAX_HEARD)
        self._gap: StreamGap | None = None
        self._is_closed = False

    async def run(self) -> None:
        """Until the venue ends the stream, or the listener has gone."""
        async with aclosing(self._sent) as sent:
            async for report in sent:
                if self._is_closed:
                    return
                await self._carry(report)
        await self._arrived.put(None)

    async def heard(self) -> AsyncGenerator[Report]:
        try:
            while (report := await self._arrived.get()) is not None:
                yield report
        finally:
            self._is_closed = True

    async def _carry(self, report: Report) -> None:
        if self._gap is not None or isinstance(report, StreamGap | UnreadableReport):
            await self._carry_news_of_loss(report)
        elif self._venue.is_out or self._venue.happens("gap"):
            await self._lose_from(report)
        elif self._venue.happens("lost_report"):
            pass
        elif self._venue.happens("corrupt_answer"):
            await self._deliver(self._venue.garbled(report))
            await self._deliver(StreamGap(report.at))
        else:
            await self._carry_in_some_order(report)

    async def _carry_news_of_loss(self, report: Report) -> None:
        """What the venue itself says of loss is passed on; the rest falls into the gap."""
        if isinstance(report, StreamGap | UnreadableReport):
            await self._deliver(report)

    async def _carry_in_some_order(self, report: OrderReport) -> None:
        if self._venue.happens("duplicate_report"):
            self._deliver_later(report)
        if self._venue.happens("reordered_report"):
            self._deliver_later(report)
        else:
            await self._deliver(report)

    async def _lose_from(self, report: OrderReport) -> None:
        gap = self._gap = StreamGap(report.at)

        async def announce() -> None:
            self._gap = None
            await self._deliver(gap)

        self._venue.later(self._venue.faults.report_late_by, announce)

    def _deliver_later(self, report: Report) -> None:
        self._venue.later(self._venue.faults.report_late_by, lambda: self._deliver(report))

    async def _deliver(self, report: Report) -> None:
        if not self._is_closed:
            await self._arrived.put(report)


async def _done(answer: Awaitable[Outcome]) -> None:
    """It is acted on; nobody hears the answer."""
    await answer


def _cut_off(answer: object) -> str:
    text = msgspec.json.encode(answer).decode()
    return text[: len(text) // 2]
