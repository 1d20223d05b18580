"""Every row of every read model in memory: what a loop written by hand folds from and never reads
again. The folds are the projections' own, as there is one right answer only."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec

from projections.projection import Changes, Fact, Loaded, Wanted
from projections.registry import ALL_PROJECTIONS

Rows = dict[tuple[Any, ...], msgspec.Struct]


class KeptRows:
    """``fold`` returns what a page changes, and keeps it."""

    def __init__(self) -> None:
        self._folds = [(projection, projection.fold()) for projection in ALL_PROJECTIONS]
        self._rows: dict[str, dict[str, Rows]] = defaultdict(lambda: defaultdict(dict))

    def fold(self, facts: Sequence[Fact]) -> list[Changes]:
        changes: list[Changes] = []
        for projection, fold in self._folds:
            concerning = [fact for fact in facts if projection.concerns(fact.recorded)]
            if concerning:
                fold.take(self._loaded(fold.wanted(concerning)))
                for fact in concerning:
                    fold.apply(fact)
                changes += fold.changes()
        for change in changes:
            self._keep(change)
        return changes

    def _loaded(self, wanted: Sequence[Wanted]) -> Loaded:
        loaded = Loaded()
        for table, keys in wanted:
            kept = self._rows[table.name]
            loaded.put(table, [row for key in keys for row in kept[key].values()])
        return loaded

    def _keep(self, change: Changes) -> None:
        """By the first column of the key, which is what all of them are loaded by."""
        kept = self._rows[change.table.name]
        for gone in change.deleted:
            kept[gone["order_id"]].clear()
        for row in change.rows:
            first, *rest = (getattr(row, column) for column in change.table.key)
            kept[first][tuple(rest)] = row
