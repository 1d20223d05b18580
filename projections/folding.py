"""From a page of events to the rows they change, with what the fold knows kept between pages."""

from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import asyncpg
import msgspec

from domain.clock import Clock
from domain.event import decode
from domain.log import RecordedEvent
from projections.builds import Step
from projections.failures import BatchFailed
from projections.projection import AnyTable, Changes, Fact, Loaded, Projection

if TYPE_CHECKING:
    from projections.connection import Connection, Pool

Item = TypeVar("Item")

KEEP = 5_000
"""A fold that knows more than this many things starts anew: memory stays flat."""

EVENTS_AT_A_TIME = 100
"""Between so many events other tasks get their turn: a millisecond or two."""


class Batch(NamedTuple):
    """What one commit moves and writes."""

    step: Step
    changes: Sequence[Changes]


class Folding:
    """Folds the pages of one build, one after another.

    What it knows is right as long as every batch it made was committed, and nobody else committed
    in between; the compare and swap of the checkpoint sees to that. After a failure, ``forget``.
    """

    def __init__(self, pool: "Pool", clock: Clock, projection: Projection, build: str) -> None:
        self._pool = pool
        self._clock = clock
        self._projection = projection
        self._build = build
        self._fold = projection.fold()

    @property
    def is_full(self) -> bool:
        return self._fold.known > KEEP

    def forget(self) -> None:
        """Start from the rows in the database again."""
        self._fold = self._projection.fold()

    async def fold(self, page: Sequence[RecordedEvent], checkpoint: int) -> Batch:
        """The batch that leads from a checkpoint to the end of a page. Raises BatchFailed."""
        facts: list[Fact] = []
        async for events in self._at_leisure(page):
            facts += self._decoded(events)
        await self._load(facts)
        async for some in self._at_leisure(facts):
            with _batch_failed():
                for fact in some:
                    self._fold.apply(fact)
        with _batch_failed():
            changes = self._fold.changes()
        last = page[-1]
        return Batch(Step(checkpoint, last.position, last.recorded_at, len(facts)), changes)

    def _decoded(self, events: Sequence[RecordedEvent]) -> list[Fact]:
        concerns = self._projection.concerns
        with _batch_failed():
            return [Fact(event, decode(event)) for event in events if concerns(event)]

    async def _load(self, facts: Sequence[Fact]) -> None:
        """Rows that another worker writes meanwhile make the commit fail, not the fold wrong."""
        with _batch_failed():
            wanted = self._fold.wanted(facts)
        if not any(keys for _, keys in wanted):
            return
        loaded = Loaded()
        async with self._pool.acquire() as connection:
            for table, keys in wanted:
                loaded.put(table, await self._rows(connection, table, keys))
        with _batch_failed():
            self._fold.take(loaded)

    async def _rows(
        self, connection: "Connection", table: AnyTable, keys: Collection[str]
    ) -> Sequence[msgspec.Struct]:
        try:
            return await table.load(connection, self._build, keys)
        except asyncpg.DataError as error:
            raise BatchFailed from error

    async def _at_leisure(self, items: Sequence[Item]) -> AsyncIterator[Sequence[Item]]:
        for start in range(0, len(items), EVENTS_AT_A_TIME):
            await self._clock.sleep(0)
            yield items[start : start + EVENTS_AT_A_TIME]


@contextmanager
def _batch_failed() -> Iterator[None]:
    """An event may be anything, so its fold may raise anything. Whatever it is, it must become
    known which event it was, and the other projections must go on."""
    try:
        yield
    except Exception as error:
        raise BatchFailed from error
