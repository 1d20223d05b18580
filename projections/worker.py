"""The worker: takes a build of a projection through the log, exactly once."""

from collections.abc import Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

import asyncpg

from domain.clock import Clock
from domain.event import decode
from domain.log import CaughtUp, EventLog, LogUnavailable, RecordedEvent
from projections.builds import Builds, Lease, Step
from projections.change_feed import ChangeFeed
from projections.failures import BatchFailed, Poisoned
from projections.metrics import ProjectionMetrics
from projections.projection import Changes, Fact, Fold, Loaded, Projection, Wanted

if TYPE_CHECKING:
    from projections.connection import Connection, Pool

PAGE = 2_000
"""Events folded and committed together: large enough that orders fold, small enough to be fresh."""


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
        feed: ChangeFeed,
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
        pages = self._log.read_all(
            after=self.checkpoint,
            until=target,
            only=self._projection.only,
            page_size=self._page_size,
        )
        async with aclosing(pages):
            async for page in pages:
                await self._project(page)
        if self.checkpoint < target:
            await self._commit(Step(self.checkpoint, target, None, 0), [])

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

    async def _project(self, page: Sequence[RecordedEvent]) -> None:
        """A page that fails is halved until the one event that fails stands alone."""
        try:
            await self._project_whole(page)
        except BatchFailed as error:
            if len(page) == 1:
                cause = error.__cause__
                raise Poisoned(self._projection.name, page[0], repr(cause)) from cause
            middle = len(page) // 2
            await self._project(page[:middle])
            await self._project(page[middle:])

    async def _project_whole(self, page: Sequence[RecordedEvent]) -> None:
        started = self._clock.monotonic()
        facts = self._decode(page)
        last = page[-1]
        await self._commit(
            Step(self.checkpoint, last.position, last.recorded_at, len(facts)), facts
        )
        self._seconds.observe(self._clock.monotonic() - started)
        self._events.inc(len(facts))

    def _decode(self, page: Sequence[RecordedEvent]) -> list[Fact]:
        concerns = self._projection.concerns
        try:
            return [Fact(event, decode(event)) for event in page if concerns(event)]
        except Exception as error:
            raise BatchFailed from error

    async def _commit(self, step: Step, facts: Sequence[Fact]) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            await self._builds.advance(connection, self._lease, step)
            changes = await self._fold_and_write(connection, facts)
        self.checkpoint = step.after
        await self._publish(changes)

    async def _fold_and_write(
        self, connection: "Connection", facts: Sequence[Fact]
    ) -> Sequence[Changes]:
        if not facts:
            return []
        try:
            changes = await self._fold(connection, facts)
            for table, rows, deleted in changes:
                await table.delete(connection, self._lease.build, deleted)
                await table.write(connection, self._lease.build, rows)
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
            raise BatchFailed from error
        return changes

    async def _fold(self, connection: "Connection", facts: Sequence[Fact]) -> Sequence[Changes]:
        fold = self._projection.fold()
        loaded = Loaded()
        for table, keys in _wanted(fold, facts):
            loaded.put(table, await table.load(connection, self._lease.build, keys))
        return _folded(fold, loaded, facts)

    async def _publish(self, changes: Sequence[Changes]) -> None:
        for table, rows, _ in changes:
            if rows and table.published_as:
                public = [{name: getattr(row, name) for name in table.public} for row in rows]
                await self._feed.publish(table.published_as, public, self.checkpoint)


def _wanted(fold: Fold, facts: Sequence[Fact]) -> Sequence[Wanted]:
    try:
        return fold.wanted(facts)
    except Exception as error:
        raise BatchFailed from error


def _folded(fold: Fold, loaded: Loaded, facts: Sequence[Fact]) -> Sequence[Changes]:
    try:
        fold.start(loaded)
        for fact in facts:
            fold.apply(fact)
        return fold.changes()
    except Exception as error:
        raise BatchFailed from error
