"""Blue/green: a fresh build beside the active one, which it replaces when it has caught up."""

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

import asyncpg
import msgspec
import structlog

from domain.clock import Clock
from domain.log import EventLog
from projections.builds import Build, Builds, Lease
from projections.failures import LeaseHeld, Poisoned, is_transient
from projections.holding import LeaseHolder
from projections.metrics import ProjectionMetrics
from projections.projection import Projection
from projections.table import Digest
from projections.worker import PAGE, Worker

if TYPE_CHECKING:
    from projections.connection import Connection, Pool

ABANDONED_AFTER = timedelta(hours=1)
"""A half-made build that nobody has gone on with for so long is dropped."""

TAKE_OVER_ATTEMPTS = 20
LOCK_MS = 2_000
"""How long a take-over waits for readers before it lets them pass and tries again."""

_log = structlog.get_logger(__name__)


class Comparison(msgspec.Struct, frozen=True):
    """Two builds of one version at the same position, table by table."""

    position: int
    old: Mapping[str, Digest]
    new: Mapping[str, Digest]

    @property
    def identical(self) -> bool:
        return self.old == self.new


class Rebuilt(msgspec.Struct, frozen=True):
    """``comparison`` is None where there was no build of the same version to compare with."""

    name: str
    build: str
    position: int
    comparison: Comparison | None


class Rebuilder:
    """Builds, compares, takes over, drops. What it leaves when killed is gone on with next time."""

    def __init__(
        self,
        *,
        pool: "Pool",
        log: EventLog,
        clock: Clock,
        builds: Builds,
        metrics: ProjectionMetrics,
        page_size: int = PAGE,
    ) -> None:
        self._pool = pool
        self._log = log
        self._clock = clock
        self._builds = builds
        self._metrics = metrics
        self._page_size = page_size
        self._holder = LeaseHolder(pool, clock, builds)

    async def rebuild(self, projection: Projection) -> Rebuilt:
        """Raises LeaseHeld while another rebuild of it runs, Poisoned (the old build stays)."""
        lease = await self._begin(projection)
        try:
            rebuilt = await self._holder.during(lease, self._build(projection, lease))
        except Poisoned:
            await self._discard(projection, lease.build)
            raise
        finally:
            await self._holder.release(lease)
        await self.clean(projection)
        return rebuilt

    async def clean(self, projection: Projection) -> None:
        """Drop what was retired, what is half made of another version, and what was abandoned."""
        async with self._pool.acquire() as connection:
            async with connection.transaction():
                await self._builds.lock(connection, projection.name)
                builds = await self._builds.of(connection, projection.name)
            for build in builds:
                if self._is_rubbish(build, projection):
                    await self._try_to_drop(connection, projection, build.build)

    def _is_rubbish(self, build: Build, projection: Projection) -> bool:
        if build.state == "retired" or not build.has_schema:
            return True
        now = self._clock.now()
        is_held = build.lease_until is not None and build.lease_until > now
        if build.state == "active" or is_held:
            return False
        return build.version != projection.version or build.updated_at < now - ABANDONED_AFTER

    async def _begin(self, projection: Projection) -> Lease:
        """A lease on a half-made build of this version if one is left, else on a new one."""
        await self.clean(projection)
        async with self._pool.acquire() as connection, connection.transaction():
            await self._builds.lock(connection, projection.name)
            half_made = [
                build
                for build in await self._builds.of(connection, projection.name)
                if build.state == "building" and build.version == projection.version
            ]
            build = half_made[0] if half_made else await self._builds.create(connection, projection)
            lease = await self._builds.acquire(connection, build.build)
            if lease is None:
                raise LeaseHeld(f"{projection.name} is being rebuilt already")
            return lease

    async def _build(self, projection: Projection, lease: Lease) -> Rebuilt:
        worker = Worker(
            pool=self._pool,
            log=self._log,
            clock=self._clock,
            builds=self._builds,
            projection=projection,
            lease=lease,
            feed=None,
            metrics=self._metrics,
            page_size=self._page_size,
        )
        comparison = await self._compare(projection, worker, lease)
        await worker.catch_up()
        await self._take_over(projection, worker, lease)
        return Rebuilt(projection.name, lease.build, worker.checkpoint, comparison)

    async def _compare(
        self, projection: Projection, worker: Worker, lease: Lease
    ) -> Comparison | None:
        """Catch up with the old build, and compare with a snapshot of it while it goes on."""
        async with self._pool.acquire() as connection:
            old = await self._builds.active(connection, projection.name)
        if old is None or old.version != projection.version:
            return None
        await worker.catch_up(old.checkpoint)
        snapshot = await self._snapshot(projection)
        if snapshot is None or snapshot[0] < worker.checkpoint:
            return None
        position, before = snapshot
        await worker.catch_up(position)
        async with self._pool.acquire() as connection:
            after = await digests(connection, projection, lease.build)
        comparison = Comparison(position, before, after)
        if not comparison.identical:
            _log.error("builds_differ", name=projection.name, old=old.build, new=lease.build)
        return comparison

    async def _snapshot(self, projection: Projection) -> tuple[int, Mapping[str, Digest]] | None:
        """The active build's position and digests, of one instant."""
        async with (
            self._pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            active = await self._builds.active(connection, projection.name)
            if active is None:
                return None
            try:
                return active.checkpoint, await digests(connection, projection, active.build)
            except asyncpg.UndefinedTableError:
                return None

    async def _take_over(self, projection: Projection, worker: Worker, lease: Lease) -> None:
        for attempt in range(1, TAKE_OVER_ATTEMPTS + 1):
            try:
                return await self._try_to_take_over(projection, worker, lease)
            except Exception as error:
                if not is_transient(error) or attempt == TAKE_OVER_ATTEMPTS:
                    raise
                await self._clock.sleep(0.05 * attempt)
        return None

    async def _try_to_take_over(self, projection: Projection, worker: Worker, lease: Lease) -> None:
        """The old worker waits at its next commit, and then finds its build retired."""
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(f"set local lock_timeout = {LOCK_MS}")
            await self._builds.lock(connection, projection.name)
            old = await self._builds.active(connection, projection.name, for_update=True)
            if old is not None:
                await worker.catch_up(old.checkpoint)
            await self._builds.activate(connection, lease, old)
            await self._builds.show(connection, projection, lease.build)

    async def _discard(self, projection: Projection, build: str) -> None:
        async with self._pool.acquire() as connection:
            await self._try_to_drop(connection, projection, build)

    async def _try_to_drop(
        self, connection: "Connection", projection: Projection, build: str
    ) -> None:
        """Readers in the middle of a query keep the tables; the next clean-up gets them."""
        try:
            async with connection.transaction():
                await connection.execute(f"set local lock_timeout = {LOCK_MS}")
                await self._builds.lock(connection, projection.name)
                await self._builds.drop(connection, build)
        except Exception as error:
            if not is_transient(error):
                raise
            _log.warning("build_not_dropped_yet", build=build, error=repr(error))


async def digests(
    connection: "Connection", projection: Projection, build: str
) -> Mapping[str, Digest]:
    """The digest of each table of a build."""
    async with connection.transaction():
        await connection.execute("set local timezone = 'UTC'")
        return {table.name: await table.digest(connection, build) for table in projection.tables}
