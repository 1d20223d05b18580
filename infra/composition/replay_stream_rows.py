"""What a projection makes of one stream, row by row, without a database."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import msgspec

from domain.event import decode
from domain.log import RecordedEvent
from projections.projection import AnyTable, Fact, Loaded, Projection, Wanted

Key: TypeAlias = tuple[object, ...]
Rows: TypeAlias = Mapping[str, Mapping[Key, msgspec.Struct]]
"""By their tables' names, and by their keys."""


class StreamRows:
    """The rows of one stream: those it begins with, changed by the pages that are taken since."""

    def __init__(self, projection: Projection, begins_with: Rows) -> None:
        self._tables = projection.tables
        self._fold = projection.fold()
        self._begins_with = begins_with

    def take(self, page: Sequence[RecordedEvent]) -> None:
        """Raises UnknownEventType, UndecodableEvent, and what a fold raises."""
        facts = [Fact(recorded, decode(recorded)) for recorded in page]
        self._load(self._fold.wanted(facts))
        for fact in facts:
            self._fold.apply(fact)

    def rows(self) -> Rows:
        """As they are now; only the last call may be made."""
        rows = {table.name: dict(self._begins_with.get(table.name, {})) for table in self._tables}
        for table, changed, deleted in self._fold.changes():
            for row in changed:
                rows[table.name][key_of(table, row)] = row
            for key in deleted:
                rows[table.name].pop(tuple(key[column] for column in table.key), None)
        return rows

    def _load(self, wanted: Sequence[Wanted]) -> None:
        """What was never asked for has not changed: it is as it was at the beginning."""
        if not self._begins_with:
            return
        loaded = Loaded()
        for table, keys in wanted:
            loaded.put(table, [r for r in self._rows(table) if key_of(table, r)[0] in keys])
        self._fold.take(loaded)

    def _rows(self, table: AnyTable) -> Sequence[msgspec.Struct]:
        return list(self._begins_with.get(table.name, {}).values())


def key_of(table: AnyTable, row: msgspec.Struct) -> Key:
    return tuple(getattr(row, column) for column in table.key)
