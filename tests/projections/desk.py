"""A desk for tests: a log in memory, a database, and the read models between them."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import asyncpg
from prometheus_client import CollectorRegistry

from projections.builds import LEASE, Builds, Lease
from projections.change_feed import ChangeFeed
from projections.metrics import ProjectionMetrics
from projections.projection import Projection
from projections.rebuild import Rebuilder, digests
from projections.registry import ALL_PROJECTIONS
from projections.runner import ProjectionRunner
from projections.table import Digest
from projections.worker import Worker
from tests.doubles.memory_log import MemoryEventLog
from tests.projections.history import History, append_all
from tests.projections.manual_clock import ManualClock

if TYPE_CHECKING:
    from projections.connection import Connection, Pool

BY_NAME = {projection.name: projection for projection in ALL_PROJECTIONS}
ORDERS = BY_NAME["orders"]
FIRST_BUILD = f"orders_v{ORDERS.version}_2"
"""The first build of the orders; that of the accounts is made before it."""


class Desk:
    """``connection`` is for looking at what the workers made."""

    def __init__(self, dsn: str, pool: "Pool", connection: "Connection") -> None:
        self.dsn = dsn
        self.pool = pool
        self.connection = connection
        self.clock = ManualClock()
        self.log = MemoryEventLog()
        self.metrics = ProjectionMetrics(CollectorRegistry())
        self.builds = Builds(self.clock)
        self._heard = asyncio.Event()

    async def append(self, history: History, count: int) -> None:
        await append_all(self.log, list(history.events(count)))

    def runner(
        self,
        projections: Sequence[Projection] = ALL_PROJECTIONS,
        *,
        pool: "Pool | None" = None,
        feed: ChangeFeed | None = None,
        page_size: int = 100,
        lease: timedelta = LEASE,
    ) -> ProjectionRunner:
        return ProjectionRunner(
            pool or self.pool,
            self.log,
            self.clock,
            feed,
            self.metrics,
            projections=projections,
            page_size=page_size,
            lease=lease,
        )

    @asynccontextmanager
    async def running(
        self, projections: Sequence[Projection] = ALL_PROJECTIONS, **settings: int
    ) -> AsyncIterator[ProjectionRunner]:
        runner = self.runner(projections, **settings)  # type: ignore[arg-type]  # page_size only
        await runner.install()
        task = asyncio.create_task(runner.run())
        try:
            yield runner
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def lease(self, projection: Projection = ORDERS) -> Lease:
        """A lease on the active build."""
        active = await self.builds.active(self.connection, projection.name)
        assert active is not None
        lease = await self.builds.acquire(self.connection, active.build)
        assert lease is not None, "somebody has it"
        return lease

    def worker(
        self,
        lease: Lease,
        projection: Projection = ORDERS,
        *,
        pool: "Pool | None" = None,
        feed: ChangeFeed | None = None,
        page_size: int = 50,
    ) -> Worker:
        return Worker(
            pool=pool or self.pool,
            log=self.log,
            clock=self.clock,
            builds=self.builds,
            projection=projection,
            lease=lease,
            feed=feed,
            metrics=self.metrics,
            page_size=page_size,
        )

    def rebuilder(self, pool: "Pool | None" = None) -> Rebuilder:
        return Rebuilder(
            pool=pool or self.pool,
            log=self.log,
            clock=self.clock,
            builds=self.builds,
            metrics=self.metrics,
            page_size=50,
        )

    async def caught_up(self, *names: str) -> None:
        """Wait, by the notices of the checkpoints, until the projections are at the log's head."""
        head = await self.log.head()
        for name in names or tuple(BY_NAME):
            while await self.checkpoint(name) < head:
                await self.next_notice()

    async def checkpoint(self, name: str) -> int:
        sql = "select checkpoint from projections.builds where name = $1 and state = 'active'"
        if await self.connection.fetchval("select to_regclass('projections.builds')") is None:
            return -1
        value: int | None = await self.connection.fetchval(sql, name)
        return -1 if value is None else value

    async def digest(self, projection: Projection = ORDERS) -> dict[str, Digest]:
        active = await self.builds.active(self.connection, projection.name)
        assert active is not None
        return dict(await digests(self.connection, projection, active.build))

    async def events_projected(self, name: str = "orders") -> int:
        value: int = await self.connection.fetchval(
            "select events from projections.builds where name = $1 and state = 'active'", name
        )
        return value

    def concerning(self, projection: Projection = ORDERS) -> int:
        """How many events of the log a projection folds."""
        return sum(projection.concerns(event) for event in self.log.store.events)

    async def is_waiting_for_a_lock(self) -> bool:
        """Whether any session of this database is."""
        sql = (
            "select exists (select from pg_stat_activity"
            " where datname = current_database() and wait_event_type = 'Lock')"
        )
        return bool(await self.connection.fetchval(sql))

    async def schemas(self) -> set[str]:
        rows = await self.connection.fetch(
            "select nspname from pg_namespace where nspname ~ '_v[0-9]+_[0-9]+$'"
        )
        return {row["nspname"] for row in rows}

    def hear(self, *_: object) -> None:
        self._heard.set()

    async def next_notice(self) -> None:
        """Some checkpoint moved, or a fifth of a second passed."""
        self._heard.clear()
        try:
            await asyncio.wait_for(self._heard.wait(), 0.2)
        except TimeoutError:
            return  # a notice between the look and the wait, or a build that is new


@asynccontextmanager
async def open_desk(dsn: str) -> AsyncIterator[Desk]:
    async with asyncpg.create_pool(dsn, min_size=0, max_size=20) as pool:
        connection = await asyncpg.connect(dsn)
        await connection.set_type_codec(
            "jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog"
        )
        desk = Desk(dsn, pool, connection)
        await connection.add_listener("patriot_checkpoint", desk.hear)
        try:
            yield desk
        finally:
            await connection.close()
