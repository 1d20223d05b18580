"""The execution role: paper venue, execution worker and policies under one lease."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from typing import TYPE_CHECKING

import msgspec
import structlog

from adapters.venues.paper.funding import TRANSFERS, Funding
from adapters.venues.paper.journal import JournalFailed
from adapters.venues.paper.postgres_journal import PostgresJournal, journal_pool
from adapters.venues.paper.venue import PaperVenue
from domain.cancellation import heed_cancellation
from domain.command import Metadata
from domain.execution.execution_worker import ExecutionWorker
from domain.execution.lease import Lease, LeaseLost
from domain.execution.leased_log import LeasedLog
from domain.log import LogUnavailable, RecordedEvent
from domain.log_worker import LogWorker
from domain.market_data import MarketData
from domain.policies.policies import Policies
from domain.repository import Repository
from domain.venue import Venue, VenueUnavailable
from infra.composition.core import Core
from infra.composition.failpoint_venue import with_failpoints
from infra.database_patience import AWAY
from infra.settings import Settings
from infra.telemetry import correlated
from infra.version import code_version
from infra.workers.checkpoints import PostgresCheckpoints
from infra.workers.leadership import LeadershipLost, leadership

if TYPE_CHECKING:
    from asyncpg import Pool, Record

    from adapters.market.hub import MarketHub

FeedVenue = Callable[[PaperVenue], Awaitable[None]]
"""Feeds the paper venue with a market until cancelled."""

RETRY_SECONDS = 1.0

_decode_metadata = msgspec.json.Decoder(Metadata).decode
_logger = structlog.get_logger(__name__)


class ExecutionRole:
    """Waits until it leads, and leads until cancelled or until a worker fails.

    An instance that loses the lease, or finds the log or the database away, lets go of everything
    and waits again.
    """

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
        while True:
            try:
                await self._lead()
            except* (LeadershipLost, LeaseLost) as lost:
                _logger.warning("leadership_lost", reason=_first(lost))
            except* (LogUnavailable, VenueUnavailable, *AWAY) as away:
                _logger.warning("execution_interrupted", reason=_first(away))
                await self._core.clock.sleep(RETRY_SECONDS)
            heed_cancellation()

    async def _lead(self) -> None:
        checkpoints = await PostgresCheckpoints.open(self._pool, self._core.clock)
        async with (
            leadership(self._dsn, "execution", self._core.clock) as leading,
            journal_pool(self._dsn) as journal,
        ):
            venue = await self._open_venue(journal)
            worker = self._worker(with_failpoints(venue), checkpoints, leading)
            policies = self._policies(venue, checkpoints)
            funding = LogWorker(
                name="paper-funding",
                log=self._core.log,
                checkpoints=checkpoints,
                only=TRANSFERS,
                handler=Funding(self._core.log, venue).handle,
            )
            async with _fenced(leading), asyncio.TaskGroup() as group:
                group.create_task(venue.run())
                group.create_task(funding.run())
                group.create_task(_forever(self._feed_venue(venue)))
                group.create_task(worker.run())
                group.create_task(policies.run())
                # Not a task of its own: a group that is left when one of its tasks fails counts
                # as a cancellation of this one (Python 3.11), and run would heed that.
                await leading.watch()

    async def _open_venue(self, pool: "Pool[Record]") -> PaperVenue:
        journal = await PostgresJournal.open(pool, self._core.clock)
        fees, clock = self._settings.fees, self._core.clock
        return await PaperVenue.open(journal, self._core.instruments, fees, clock)

    def _policies(self, venue: Venue, checkpoints: PostgresCheckpoints) -> Policies:
        core = self._core
        return Policies(
            log=core.log,
            repository=core.repository,
            settlement=core.settlement,
            orders=core.orders,
            checkpoints=checkpoints,
            clock=core.clock,
            capabilities=venue.capabilities,
            instruments=core.instruments,
            quote=core.quote,
            within=correlated_event,
        )

    def _worker(
        self, venue: Venue, checkpoints: PostgresCheckpoints, lease: Lease
    ) -> ExecutionWorker:
        core = self._core
        return ExecutionWorker(
            log=core.log,
            repository=Repository(LeasedLog(core.log, lease), code_version()),
            risk_book=core.risk_book,
            venue=venue,
            instruments=core.instruments,
            checkpoints=checkpoints,
            clock=core.clock,
            lease=lease,
            recovered=self.recovered,
            within=correlated_event,
        )


def _first(errors: BaseExceptionGroup[Exception]) -> str:
    """The first of the errors in groups of groups."""
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error) or type(error).__name__


def correlated_event(event: RecordedEvent) -> AbstractContextManager[None]:
    """Lines logged while an event is handled carry its correlation id."""
    return correlated(_decode_metadata(event.metadata).correlation_id)


@asynccontextmanager
async def _fenced(lease: Lease) -> AsyncGenerator[None]:
    """What fails once the lease is lost, such as the venue's journal, fails because of that."""
    try:
        yield
    except* JournalFailed as failed:
        if lease.holds():
            raise
        raise LeaseLost(str(failed.exceptions[0])) from failed


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
