"""The execution worker: submits what the log intends, books what the venue reports."""

import asyncio
from contextlib import aclosing
from typing import Protocol

import msgspec

from domain.checkpoint import Checkpoints
from domain.command import Metadata
from domain.errors import Refused
from domain.event import decode
from domain.execution.booking import Booking
from domain.execution.recovery import Recovery
from domain.execution.submission import Submission
from domain.log import EventFilter, EventLog, RecordedEvent
from domain.log_worker import LogWorker, Surroundings, no_surroundings
from domain.venue import Report, Venue, VenueUnavailable

REQUESTS = EventFilter(
    types=frozenset({"OrderPlaced", "OrderCancelRequested", "OrderAmendRequested"})
)

_decode_metadata = msgspec.json.Decoder(Metadata).decode


class ReportProblems(Protocol):
    """Where a report goes that cannot be booked."""

    def note(self, report: Report, problem: Refused) -> None: ...


class ExecutionWorker:
    """Recovers, then sends and books side by side until cancelled.

    Reports are listened to before recovery asks the venue, so that nothing falls in between.
    Raises VenueUnavailable where the reports end: a new start recovers what was missed.
    """

    def __init__(
        self,
        *,
        log: EventLog,
        venue: Venue,
        submission: Submission,
        booking: Booking,
        recovery: Recovery,
        checkpoints: Checkpoints,
        problems: ReportProblems,
        recovered: asyncio.Event,
        within: Surroundings = no_surroundings,
    ) -> None:
        self._venue = venue
        self._submission = submission
        self._booking = booking
        self._recovery = recovery
        self._problems = problems
        self._recovered = recovered
        self.worker = LogWorker(
            name="execution",
            log=log,
            checkpoints=checkpoints,
            only=REQUESTS,
            handler=self._handle,
            within=within,
        )

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._book_reports())
            group.create_task(self._recover_then_submit())

    async def _recover_then_submit(self) -> None:
        await self._recovery.run()
        self._recovered.set()
        await self.worker.run()

    async def _book_reports(self) -> None:
        async with aclosing(self._venue.reports()) as reports:
            async for report in reports:
                try:
                    await self._booking.book(report)
                except Refused as problem:
                    self._problems.note(report, problem)
        # A worker that went on would send orders whose fills nobody books.
        raise VenueUnavailable("the venue's reports have ended")

    async def _handle(self, recorded: RecordedEvent) -> None:
        metadata = _decode_metadata(recorded.metadata)
        await self._submission.handle(decode(recorded), metadata.correlation_id, str(recorded.id))
