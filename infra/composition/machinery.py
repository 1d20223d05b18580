"""What every role needs: settings, servers, log, pool, Redis, clock and metrics."""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec
import redis.asyncio
from prometheus_client import CollectorRegistry

from adapters.market.metrics import MarketMetrics
from adapters.market.static_instruments import StaticInstruments
from domain.clock import Clock, Ids
from domain.log import EventLog
from domain.market_data import MarketData
from infra.clock import SystemClock, SystemIds
from infra.composition.core import Core
from infra.composition.failpoint_log import with_failpoints
from infra.composition.market import instruments
from infra.composition.servers import Servers, event_log, postgres_pool, servers
from infra.failpoints import failpoints
from infra.settings import Settings
from infra.telemetry import metrics_registry
from projections.metrics import ProjectionMetrics
from replay.snapshots.metrics import SnapshotMetrics
from replay.snapshots.store import SnapshotStore

if TYPE_CHECKING:
    from asyncpg import Pool, Record

SNAPSHOTS = "snapshots"
"""Their directory in the data directory."""


class Machinery(msgspec.Struct, frozen=True):
    """Open and ready; the same for a role alone in its process and for all of them in one."""

    settings: Settings
    servers: Servers
    log: EventLog
    pool: "Pool[Record]"
    redis: "redis.asyncio.Redis"
    clock: Clock
    ids: Ids
    instruments: StaticInstruments
    registry: CollectorRegistry
    market_metrics: MarketMetrics
    projection_metrics: ProjectionMetrics
    snapshot_metrics: SnapshotMetrics

    @property
    def snapshots(self) -> SnapshotStore:
        return SnapshotStore(self.settings.data_dir / SNAPSHOTS, self.snapshot_metrics)

    @property
    def stream_snapshots(self) -> SnapshotStore:
        return SnapshotStore(self.settings.data_dir / SNAPSHOTS / "streams", self.snapshot_metrics)

    def core(self, market: MarketData) -> Core:
        """The core, deciding on this market's quotes."""
        return Core(
            log=self.log,
            instruments=self.instruments,
            quote=market.quote,
            clock=self.clock,
            max_quote_age_ms=self.settings.quote_max_age_ms,
        )


@asynccontextmanager
async def machinery(settings: Settings) -> AsyncGenerator[Machinery]:
    """Start or reach the servers, and let go of them in reverse order.

    Raises as ``servers``; SettingsError.
    """
    failpoints.arm(settings, os.environ)
    registry = metrics_registry()
    clock = SystemClock()
    async with (
        servers(settings, clock) as where,
        event_log(settings, where.postgres_dsn) as log,
        postgres_pool(where.postgres_dsn) as pool,
        redis.asyncio.from_url(where.redis_url) as client,
    ):
        yield Machinery(
            settings=settings,
            servers=where,
            log=with_failpoints(log),
            pool=pool,
            redis=client,
            clock=clock,
            ids=SystemIds(),
            instruments=instruments(settings),
            registry=registry,
            market_metrics=MarketMetrics(registry),
            projection_metrics=ProjectionMetrics(registry),
            snapshot_metrics=SnapshotMetrics(registry),
        )
