"""All projections of a process, each in a task of its own."""

import asyncio
import traceback
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from domain.cancellation import heed_cancellation
from domain.clock import Clock
from domain.log import EventLog, RecordedEvent
from projections.builds import LEASE, Build, Builds, Lease, ProjectionStatus, install
from projections.change_feed import ChangeFeed
from projections.failures import Fenced, LeaseHeld, Poisoned, is_transient
from projections.holding import LeaseHolder
from projections.metrics import ProjectionMetrics
from projections.projection import Projection
from projections.rebuild import Rebuilder, Rebuilt
from projections.registry import ALL_PROJECTIONS
from projections.worker import PAGE, Worker

if TYPE_CHECKING:
    from projections.connection import Pool

POLL_SECONDS = 0.5
"""How often a projection that has no lease, or has stopped, looks whether it may go on."""

_log = structlog.get_logger(__name__)


class ProjectionRunner:
    """Runs any number of times, in any number of processes: one of them at a time has the lease of
    a projection, the others stand by. The pool needs three connections for each projection."""

    def __init__(
        self,
        pool: "Pool",
        log: EventLog,
        clock: Clock,
        change_feed: ChangeFeed | None,
        metrics: ProjectionMetrics,
        *,
        projections: Sequence[Projection] = ALL_PROJECTIONS,
        lease: timedelta = LEASE,
        page_size: int = PAGE,
    ) -> None:
        self._pool = pool
        self._log = log
        self._clock = clock
        self._feed = change_feed
        self._metrics = metrics
        self._projections = {projection.name: projection for projection in projections}
        self._page_size = page_size
        self._builds = Builds(clock, lease)
        self._holder = LeaseHolder(pool, clock, self._builds)
        self._rebuilder = Rebuilder(
            pool=pool,
            log=log,
            clock=clock,
            builds=self._builds,
            metrics=metrics,
            page_size=page_size,
        )

    async def run(self) -> None:
        """Until cancelled. A projection that stops at an event leaves the others running; a
        restart, or a rebuild that succeeds, lets it try again."""
        await self.install()
        async with asyncio.TaskGroup() as group:
            for projection in self._projections.values():
                group.create_task(self._keep_running(projection))

    async def install(self) -> None:
        """Make sure that everything in ``read`` exists, empty if it is new."""
        async with self._pool.acquire() as connection:
            await install(connection)
        for projection in self._projections.values():
            await self._rebuilder.clean(projection)
            await self._active_build(projection)

    async def succeed(self) -> None:
        """Do not wait for the leases of a projector that was killed.

        For who knows that no other is there; where one is, fencing keeps the two apart.
        """
        async with self._pool.acquire() as connection:
            await self._builds.release_all(connection)

    async def rebuild(self, name: str) -> Rebuilt:
        """Raises KeyError for an unknown name, LeaseHeld, Poisoned (the old build stays)."""
        projection = self._projections[name]
        async with self._pool.acquire() as connection:
            await install(connection)
        return await self._rebuilder.rebuild(projection)

    async def status(self) -> Sequence[ProjectionStatus]:
        async with self._pool.acquire() as connection:
            return await self._builds.status(connection)

    async def _keep_running(self, projection: Projection) -> None:
        may_retry_failed = True
        while True:
            try:
                await self._serve(projection, may_retry_failed=may_retry_failed)
            except (Fenced, LeaseHeld) as error:
                heed_cancellation()
                _log.info("projection_yields", name=projection.name, to=str(error))
            except Exception as error:  # noqa: BLE001  # other projections go on whatever this one meets
                if not is_transient(error):
                    await self._give_up(projection, error)
                    return
                heed_cancellation()
                self._metrics.retries.labels(projection.name).inc()
                _log.warning("projection_retries", name=projection.name, error=repr(error))
            may_retry_failed = False
            await self._clock.sleep(POLL_SECONDS)

    async def _serve(self, projection: Projection, *, may_retry_failed: bool) -> None:
        """Returns when there is nothing to do for now."""
        build = await self._active_build(projection)
        if build.version > projection.version or (build.failure and not may_retry_failed):
            return
        if build.version < projection.version:
            await self._rebuilder.rebuild(projection)
            return
        async with self._pool.acquire() as connection:
            lease = await self._builds.acquire(connection, build.build)
        if lease is not None:
            await self._project(projection, lease)

    async def _project(self, projection: Projection, lease: Lease) -> None:
        worker = self._worker(projection, lease)
        self._metrics.failed.labels(projection.name).set(0)
        try:
            await self._holder.during(lease, worker.follow())
        except Fenced:
            raise
        except Exception as error:
            if is_transient(error):
                raise
            self._tell_of(projection, error)
            async with self._pool.acquire() as connection:
                await self._builds.fail(connection, lease, *_reason(error))
        finally:
            await self._holder.release(lease)

    async def _give_up(self, projection: Projection, error: Exception) -> None:
        """Until a restart; what is built already can still be read."""
        self._tell_of(projection, error)
        async with self._pool.acquire() as connection:
            await self._builds.fail_active(connection, projection.name, *_reason(error))

    def _tell_of(self, projection: Projection, error: Exception) -> None:
        self._metrics.failed.labels(projection.name).set(1)
        _log.error(
            "projection_failed",
            name=projection.name,
            error=str(error),
            traceback="".join(traceback.format_exception(error)),
        )

    async def _active_build(self, projection: Projection) -> Build:
        async with self._pool.acquire() as connection, connection.transaction():
            build = await self._builds.active(connection, projection.name)
            if build is not None and await self._builds.is_shown(connection, projection):
                return build
            await self._builds.lock(connection, projection.name)
            build = await self._builds.active(connection, projection.name)
            if build is None:
                build = await self._builds.create(connection, projection, "active")
            if build.version == projection.version:
                await self._builds.show(connection, projection, build.build)
            return build

    def _worker(self, projection: Projection, lease: Lease) -> Worker:
        return Worker(
            pool=self._pool,
            log=self._log,
            clock=self._clock,
            builds=self._builds,
            projection=projection,
            lease=lease,
            feed=self._feed,
            metrics=self._metrics,
            page_size=self._page_size,
        )


def _reason(error: Exception) -> tuple[str, RecordedEvent | None]:
    if isinstance(error, Poisoned):
        return error.reason, error.event
    return repr(error), None
