"""The worker: takes a build of a projection through the log, exactly once."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

import asyncpg

from domain.clock import Clock
from domain.log import CaughtUp, EventLog, LogUnavailable, RecordedEvent
from infra.failpoints import failpoints
from projections.builds import Builds, Lease, Step
from projections.change_feed import ChangeFeed
from projections.failures import BatchFailed, Poisoned
from projections.folding import Batch, Folding
from projections.metrics import ProjectionMetrics
from projections.projection import Changes, Projection

if TYPE_CHECKING:
    from projections.connection import Pool

PAGE = 2_000
"""Events folded and committed together: large enough that orders fold, small enough to be fresh."""

Pages = AsyncGenerator[Sequence[RecordedEvent]]


class Worker:
    """Projects one build under one lease.

    Rows and checkpoint move in one transaction, which begins with a compare and swap of the
    checkpoint under the lease's epoch; so each event counts once, whoever else is at work.
    """

    def __init__(
        self,
        *,
        pool: "Pool",
        log: EventLog,
        clock: Clock,
        builds: Builds,
        projection: Projection,
        lease: Lease,
        feed: ChangeFeed | None,
        metrics: ProjectionMetrics,
        page_size: int = PAGE,
    ) -> None:
        self.checkpoint = lease.checkpoint
        self._pool = pool
        self._log = log
        self._clock = clock
        self._builds = builds
        self._projection = projection
        self._lease = lease
        self._feed = feed
        self._folding = Folding(pool, clock, projection, lease.build)
        self._events = metrics.events.labels(projection.name)
        self._seconds = metrics.batch_seconds.labels(projection.name)
        self._page_size = page_size

    async def catch_up(self, until: int | None = None) -> None:
        """Project what is in the log, up to its head now or a position (inclusive).

        Reads only the events that concern the projection. Raises Poisoned, Fenced, and what the
        log and the database raise.
        """
        target = await self._log.head() if until is None else until
        if target <= self.checkpoint:
            return
        try:
            await self._rush(target)
        except BatchFailed:
            await self._step(target)
        if self.checkpoint < target:
            await self._commit(Batch(Step(self.checkpoint, target, None, 0), ()))

    async def follow(self) -> None:
        """Project what comes, for ever. Reads all events, so that the checkpoint keeps up with the
        log's head whatever is appended. Raises as ``catch_up``."""
        await self.catch_up()
        events = self._log.subscribe(after=self.checkpoint, page_size=self._page_size)
        async with aclosing(events):
            async for page in events:
                if not isinstance(page, CaughtUp):
                    await self._project(page)
        raise LogUnavailable("the subscription ended")

    async def _rush(self, target: int) -> None:
        """Fold each page while the one before it is committed. Raises BatchFailed."""
        committing = asyncio.ensure_future(_nothing())
        folded_to = self.checkpoint
        try:
            async with aclosing(self._pages(target)) as pages:
                async for page in pages:
                    if self._folding.is_full:
                        await committing
                        self._folding.forget()
                    batch = await self._folding.fold(page, folded_to)
                    folded_to = batch.step.after
                    await committing
                    committing = asyncio.ensure_future(self._commit(batch))
                await committing
        except BatchFailed:
            # What came before is whole; cut off now, nobody would know whether it was committed.
            await committing
            raise
        finally:
            committing.cancel()
            await asyncio.gather(committing, return_exceptions=True)

    async def _step(self, target: int) -> None:
        """Project one page after another, from where the commits have come to."""
        self._folding.forget()
        async with aclosing(self._pages(target)) as pages:
            async for page in pages:
                await self._project(page)

    def _pages(self, target: int) -> Pages:
        return self._log.read_all(
            after=self.checkpoint,
            until=target,
            only=self._projection.only,
            page_size=self._page_size,
        )

    async def _project(self, page: Sequence[RecordedEvent]) -> None:
        """A page that fails is halved until the one event that fails stands alone."""
        try:
            if self._folding.is_full:
                self._folding.forget()
            await self._commit(await self._folding.fold(page, self.checkpoint))
        except BatchFailed as error:
            self._folding.forget()
            if len(page) == 1:
                cause = error.__cause__
                raise Poisoned(self._projection.name, page[0], repr(cause)) from cause
            middle = len(page) // 2
            await self._project(page[:middle])
            await self._project(page[middle:])

    async def _commit(self, batch: Batch) -> None:
        started = self._clock.monotonic()
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                failpoints.reach("project/begun")
                await self._builds.advance(connection, self._lease, batch.step)
                failpoints.reach("project/advanced")
                for table, rows, deleted in batch.changes:
                    await table.delete(connection, self._lease.build, deleted)
                    await table.write(connection, self._lease.build, rows)
                failpoints.reach("project/written")
            failpoints.reach("project/committed")
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
            raise BatchFailed from error
        self.checkpoint = batch.step.after
        self._seconds.observe(self._clock.monotonic() - started)
        self._events.inc(batch.step.events)
        if self._feed is not None:
            await _publish(self._feed, batch.changes, self.checkpoint)


async def _publish(feed: ChangeFeed, changes: Sequence[Changes], position: int) -> None:
    for table, rows, _ in changes:
        if rows and table.published_as:
            public = [{name: getattr(row, name) for name in table.public} for row in rows]
            await feed.publish(table.published_as, public, position)


async def _nothing() -> None:
    """What is being committed before the first page."""
