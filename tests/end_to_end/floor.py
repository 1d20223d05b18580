"""A whole core in one process on real servers, with the market in the test's hand."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import asyncpg
import redis.asyncio
from prometheus_client import CollectorRegistry

from adapters.market.feed import Feed
from adapters.market.frame_source import RawFrame
from adapters.market.hub import MarketHub
from adapters.market.metrics import MarketMetrics
from adapters.market.static_instruments import StaticInstruments
from adapters.venues.paper.venue import PaperVenue
from domain.clock import Clock
from domain.command import Actor, ActorType, CommandContext, command_id_for
from domain.fees import FeeSchedule
from domain.log import EventLog
from domain.risk.limits import Limits
from domain.use_cases.account_desk import OpenAccount, Transfer
from domain.use_cases.risk_desk import SetLimits
from infra.composition.core import Core
from infra.composition.execution import ExecutionRole, from_hub
from infra.log.postgres.log import PostgresEventLog
from infra.settings import Settings
from projections.change_feed import RedisChangeFeed
from projections.metrics import ProjectionMetrics
from projections.runner import ProjectionRunner

if TYPE_CHECKING:
    from asyncpg import Pool, Record

ACTOR = Actor(ActorType.HUMAN, "tester", "test")
SETTLE_SECONDS = 20.0


class Floor:
    """Commands by name, the market by frame, and read models that are current when asked."""

    def __init__(
        self,
        core: Core,
        feed: Feed,
        pool: "Pool[Record]",
        runner: ProjectionRunner,
        venues: Sequence[PaperVenue],
    ) -> None:
        self.core = core
        self.feed = feed
        self.pool = pool
        self.runner = runner
        self._venues = venues

    @property
    def venue(self) -> PaperVenue:
        """Where its operator does what the core has not asked for."""
        return self._venues[-1]

    def context(self, name: str) -> CommandContext:
        return CommandContext(command_id_for("test", name), f"test-{name}", ACTOR)

    async def open_account(self, name: str, deposit: str, fees: FeeSchedule) -> str:
        """An unleveraged account with USDT in it."""
        request = OpenAccount(name, "paper", Decimal(1), fees)
        opened = await self.core.accounts.open(request, self.context(f"open {name}"))
        transfer = Transfer(opened.id, f"first {name}", "USDT", Decimal(deposit))
        await self.core.accounts.deposit(transfer, self.context(f"deposit {name}"))
        return opened.id

    async def set_system_limits(self, limits: Limits) -> None:
        request = SetLimits("system", "test", limits, "test")
        await self.core.risk.set_limits(request, self.context("limits"))

    def market(self, payload: bytes, received_at: datetime) -> None:
        self.feed.take(RawFrame(payload, received_at))

    async def fill_of(self, order_id: str) -> asyncpg.Record:
        """The one fill of an order, once the read model shows it, and all that follows from it."""
        async with asyncio.timeout(SETTLE_SECONDS):
            while await self.pool.fetchval(_COUNT_FILLS, order_id) == 0:  # noqa: ASYNC110  # a table
                await asyncio.sleep(0.01)
        await self.until_quiet()
        (fill,) = await self.pool.fetch(_FILLS, order_id)
        return fill

    async def until_quiet(self) -> int:
        """Wait until every worker has handled the log to a head that stays."""
        async with asyncio.timeout(SETTLE_SECONDS):
            while True:
                head = await self.core.log.head()
                if await self._handled(head) and await self.core.log.head() == head:
                    return head
                await asyncio.sleep(0.01)

    async def until_handled(self) -> None:
        """Wait until execution and policies have handled what is in the log."""
        async with asyncio.timeout(SETTLE_SECONDS):
            while not await self._worked():  # noqa: ASYNC110  # a table
                await asyncio.sleep(0.005)

    async def _handled(self, head: int) -> bool:
        projected = await self.pool.fetchval("SELECT min(checkpoint) FROM read.projections")
        if projected is None or projected < head:
            return False
        return await self._worked()

    async def _worked(self) -> bool:
        # The workers' checkpoints rest at the last event they wanted.
        waiting = await self.pool.fetchval(_UNHANDLED)
        return not waiting


_FILLS = "SELECT * FROM read.executions WHERE order_id = $1"

_COUNT_FILLS = "SELECT count(*) FROM read.executions WHERE order_id = $1"

_UNHANDLED = """
SELECT count(*) FROM log.events e
WHERE e.stream LIKE 'order-%'
  AND (e.position > coalesce(
         (SELECT position FROM workers.checkpoint WHERE worker = 'policies'), 0)
    OR (e.type IN ('OrderPlaced', 'OrderCancelRequested', 'OrderAmendRequested')
        AND e.position > coalesce(
         (SELECT position FROM workers.checkpoint WHERE worker = 'execution'), 0)))
"""


def the_same(log: EventLog) -> EventLog:
    return log


@asynccontextmanager
async def floor(
    dsn: str,
    redis_url: str,
    instruments: StaticInstruments,
    clock: Clock,
    settings: Settings,
    *,
    projected: Callable[[EventLog], EventLog] = the_same,
) -> AsyncGenerator[Floor]:
    """Everything that ``patriot up`` runs, but the API and the market.

    ``projected`` is the log as the projections are to see it.
    """
    registry = CollectorRegistry()
    metrics = MarketMetrics(registry)
    hub = MarketHub(metrics)
    async with (
        redis.asyncio.from_url(redis_url) as client,
        asyncpg.create_pool(dsn, max_size=40) as pool,
        PostgresEventLog.open(dsn) as log,
        asyncio.TaskGroup() as group,
    ):
        core = Core(
            log=log,
            instruments=instruments,
            quote=hub.quote,
            clock=clock,
            max_quote_age_ms=settings.quote_max_age_ms,
        )
        metrics_of_projections = ProjectionMetrics(registry)
        changes = RedisChangeFeed(client, metrics_of_projections)
        runner = ProjectionRunner(pool, projected(log), clock, changes, metrics_of_projections)
        await runner.install()
        venues: list[PaperVenue] = []

        async def feed_venue(venue: PaperVenue) -> None:
            venues.append(venue)
            await from_hub(hub)(venue)

        execution = ExecutionRole(settings, core, pool, dsn, feed_venue)
        tasks = [
            group.create_task(core.risk_book.follow(log)),
            group.create_task(runner.run()),
            group.create_task(execution.run()),
        ]
        # Frames that are played before the venue listens would never reach it.
        await execution.recovered.wait()
        yield Floor(core, Feed(_NoSource(), hub, clock, metrics), pool, runner, venues)
        for task in tasks:
            task.cancel()


class _NoSource:
    """The test hands frames to the feed itself."""

    async def frames(self) -> AsyncGenerator[RawFrame]:
        return
        yield
