"""The projector: the real folds over the simple read store, in batches with their checkpoint."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing

from domain.clock import Clock
from domain.event import decode
from domain.log import CaughtUp, EventLog, RecordedEvent
from projections.projection import Changes, Fact, Fold, Projection
from projections.registry import ALL_PROJECTIONS
from tests.simulation.read_store import ReadStore, folded

PAUSE = 0.3
"""Seconds between two pages: events gather, and a batch has more than one."""


class StoreUnavailable(Exception):
    """The read store did not answer. What was asked of it may have been done."""


Reach = Callable[[], Awaitable[None]]
"""One message to the read store: takes time, and may raise StoreUnavailable."""


class ProjectionRun:
    """One projection, from where its checkpoint stands."""

    def __init__(self, projection: Projection, store: ReadStore, reach: Reach) -> None:
        self._projection = projection
        self._store = store
        self._reach = reach
        self._fold: Fold = projection.fold()
        self.checkpoint = store.checkpoints.get(projection.name, 0)

    async def take(self, page: Sequence[RecordedEvent]) -> None:
        """Raises StoreUnavailable: this run then knows nothing certain any more."""
        new = [event for event in page if event.position > self.checkpoint]
        if not new:
            return
        concerned = [event for event in new if self._projection.concerns(event)]
        facts = [Fact(event, decode(event)) for event in concerned]
        changes = folded(self._fold, self._store, facts)
        position = new[-1].position
        await self._reach()
        await self._commit(position, changes)
        await self._reach()
        self.checkpoint = position

    async def _commit(self, position: int, changes: Sequence[Changes]) -> None:
        if not self._store.commit(self._projection.name, self.checkpoint, position, changes):
            raise StoreUnavailable(f"another worker runs {self._projection.name}")


async def run_projector(log: EventLog, clock: Clock, store: ReadStore, reach: Reach) -> None:
    """Until cancelled. Raises StoreUnavailable, LogUnavailable: a new start goes on from there."""
    runs = [ProjectionRun(projection, store, reach) for projection in ALL_PROJECTIONS]
    after = min(run.checkpoint for run in runs)
    async with aclosing(log.subscribe(after=after)) as pages:
        async for page in pages:
            if isinstance(page, CaughtUp):
                continue
            for run in runs:
                await run.take(page)
            await clock.sleep(PAUSE)
