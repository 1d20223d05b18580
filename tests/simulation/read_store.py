"""The read models in memory: what Postgres keeps for the projections, and no more."""

from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from projections.projection import AnyTable, Changes, Fact, Fold, Loaded, Projection

Key = tuple[Any, ...]
Rows = dict[Key, msgspec.Struct]


class ReadStore:
    """Tables by name, and how far each projection is."""

    def __init__(self) -> None:
        self._tables: dict[str, Rows] = {}
        self.checkpoints: dict[str, int] = {}

    def table(self, name: str) -> Rows:
        return self._tables.setdefault(name, {})

    def load(self, table: AnyTable, keys: Collection[str]) -> Sequence[msgspec.Struct]:
        """The rows whose first column of the key is one of these, as all tables are loaded."""
        rows = self.table(table.name)
        return [row for key, row in rows.items() if key[0] in keys]

    def commit(
        self, projection: str, checkpoint: int, position: int, changes: Sequence[Changes]
    ) -> bool:
        """Rows and checkpoint, or neither: False if another moved the checkpoint."""
        if self.checkpoints.get(projection, 0) != checkpoint:
            return False
        self.write(changes)
        self.checkpoints[projection] = position
        return True

    def write(self, changes: Sequence[Changes]) -> None:
        for table, rows, deleted in changes:
            kept = self.table(table.name)
            names = table.key
            for row in rows:
                kept[tuple(getattr(row, name) for name in names)] = row
            for gone in deleted:
                kept.pop(tuple(gone[name] for name in names), None)


def folded_anew(projection: Projection, facts: Sequence[Fact]) -> ReadStore:
    """What the projection makes of the whole log at once."""
    store = ReadStore()
    fold = projection.fold()
    store.write(folded(fold, store, [f for f in facts if projection.concerns(f.recorded)]))
    return store


def folded(fold: Fold, store: ReadStore, facts: Sequence[Fact]) -> Sequence[Changes]:
    """Fold facts over the rows of a store, without writing them."""
    loaded = Loaded()
    for table, keys in fold.wanted(facts):
        loaded.put(table, store.load(table, keys))
    fold.take(loaded)
    for fact in facts:
        fold.apply(fact)
    return fold.changes()
