"""The execution role: paper venue, execution worker and policies under one leadership."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import msgspec
import structlog

from adapters.venues.paper.postgres_journal import PostgresJournal, journal_pool
from adapters.venues.paper.venue import PaperVenue
from domain.command import Metadata
from domain.errors import Refused
from domain.execution.booking import Booking
from domain.execution.execution_worker import ExecutionWorker
from domain.execution.recovery import Recovery
from domain.execution.submission import Submission
from domain.log import RecordedEvent
from domain.market_data import MarketData
from domain.policies.policy_worker import PolicyWorker
from domain.venue import Report, Venue
from infra.composition.core import Core
from infra.settings import Settings
from infra.telemetry import correlated
from infra.workers.checkpoints import PostgresCheckpoints
from infra.workers.leadership import leadership
from infra.workers.working_orders import ReadModelWorkingOrders

if TYPE_CHECKING:
    from asyncpg import Pool, Record

    from adapters.market.hub import MarketHub

FeedVenue = Callable[[PaperVenue], Awaitable[None]]
"""Feeds the paper venue with a market until cancelled."""

_decode_metadata = msgspec.json.Decoder(Metadata).decode
_logger = structlog.get_logger(__name__)


class LoggedProblems:
    """Reports that cannot be booked are logged with what they said; nothing is guessed."""

    def note(self, report: Report, problem: Refused) -> None:
        _logger.error("report_not_booked", code=problem.code, reason=str(problem), report=report)


class ExecutionRole:
    """Waits until it leads, then runs until cancelled or until leadership or a worker is lost."""

    def __init__(
        self, settings: Settings, core: Core, pool: "Pool[Record]", dsn: str, feed_venue: FeedVenue
    ) -> None:
        self._settings = settings
        self._core = core
        self._pool = pool
        self._dsn = dsn
        self._feed_venue = feed_venue
        self.recovered = asyncio.Event()

    async def run(self) -> None:
        checkpoints = await PostgresCheckpoints.open(self._pool)
        async with (
            leadership(self._dsn, "execution", self._core.clock) as leading,
            journal_pool(self._dsn) as journal,
        ):
            venue = await self._open_venue(journal)
            worker = self._worker(venue, checkpoints, leading.epoch)
            policies = PolicyWorker(
                self._core.log, self._core.settlement, checkpoints, within=correlated_event
            )
            async with asyncio.TaskGroup() as group:
                group.create_task(leading.watch())
                group.create_task(venue.run())
                group.create_task(_forever(self._feed_venue(venue)))
                group.create_task(worker.run())
                group.create_task(policies.run())

    async def _open_venue(self, pool: "Pool[Record]") -> PaperVenue:
        journal = await PostgresJournal.open(pool, self._core.clock)
        fees, clock = self._settings.fees, self._core.clock
        return await PaperVenue.open(journal, self._core.instruments, fees, clock)

    def _worker(
        self, venue: Venue, checkpoints: PostgresCheckpoints, epoch: int
    ) -> ExecutionWorker:
        core = self._core
        booking = Booking(core.repository, venue.name, core.clock)
        working_orders = ReadModelWorkingOrders(self._pool, core.log, core.clock)
        return ExecutionWorker(
            log=core.log,
            venue=venue,
            submission=Submission(core.repository, venue, core.clock, epoch),
            booking=booking,
            recovery=Recovery(core.repository, venue, booking, working_orders),
            checkpoints=checkpoints,
            problems=LoggedProblems(),
            recovered=self.recovered,
            within=correlated_event,
        )


def correlated_event(event: RecordedEvent) -> AbstractContextManager[None]:
    """Lines logged while an event is handled carry its correlation id."""
    return correlated(_decode_metadata(event.metadata).correlation_id)


def from_hub(hub: "MarketHub") -> FeedVenue:
    """Feed the venue synchronously from the hub of its own process."""

    async def feed(venue: PaperVenue) -> None:
        stop = hub.listen(venue.on_market)
        try:
            await asyncio.Event().wait()
        finally:
            stop()

    return feed


def from_market(market: MarketData) -> FeedVenue:
    """Feed the venue from the market of another process."""

    async def feed(venue: PaperVenue) -> None:
        await venue.follow(market)

    return feed


async def _forever(work: Awaitable[None]) -> None:
    """A market that ends would leave the venue without prices: then the role ends too."""
    await work
    raise RuntimeError("the venue's market has ended")
