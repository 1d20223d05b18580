"""Compares a table whose rows never change, side by side with the log."""

from collections.abc import Sequence
from typing import cast

from replay.verify.collected import Collected
from replay.verify.comparison import Key, differences, extra_row, key_of, missing_row
from replay.verify.fact import Fact
from replay.verify.finding import MAX_LISTED, Difference
from replay.verify.live_tables import Row
from replay.verify.report import TableResult
from replay.verify.rows_in_order import RowsInOrder
from replay.verify.tables.table import RowPerEvent


class AppendedTable:
    """Only rows without a counterpart are held: in the end one may turn out to stand elsewhere."""

    def __init__(self, table: RowPerEvent, position: int, live: RowsInOrder) -> None:
        self.position = position
        self._table = table
        self._live = live
        self._rows = 0
        self._differences = Collected[Difference](MAX_LISTED)
        self._missing: dict[Key, Row] = {}
        self._extra: dict[Key, Row] = {}

    async def note(self, facts: Sequence[Fact]) -> None:
        rows = [self._table.row(f) for f in facts if f.recorded.position <= self.position]
        expected = {cast("int", row["position"]): row for row in rows if row is not None}
        self._rows += len(expected)
        for found in await self._live.until(facts[-1].recorded.position):
            row = expected.pop(cast("int", found["position"]), None)
            self._compare(row, found)
        for row in expected.values():
            self._lacks(row)

    async def result(self) -> TableResult:
        async for found in self._live.rest():
            self._compare(None, found)
        self._pair()
        listed = tuple(self._differences.listed)
        count = self._differences.count
        return TableResult(self._table.name, self.position, self._rows, count, listed)

    async def aclose(self) -> None:
        await self._live.aclose()

    def _compare(self, row: Row | None, found: Row) -> None:
        key = self._table.key
        if row is not None and key_of(row, key) == key_of(found, key):
            self._tell(row, found)
            return
        if row is not None:
            self._lacks(row)
        if len(self._extra) < MAX_LISTED:
            self._extra[key_of(found, key)] = found
        else:
            self._differences.add(extra_row(self._table.name, key, found))

    def _lacks(self, row: Row) -> None:
        if len(self._missing) < MAX_LISTED:
            self._missing[key_of(row, self._table.key)] = row
        else:
            self._differences.add(missing_row(self._table.name, self._table.key, row))

    def _pair(self) -> None:
        """A row under the same key at another position is the same row, changed."""
        name, key = self._table.name, self._table.key
        for at in [at for at in self._missing if at in self._extra]:
            self._tell(self._missing.pop(at), self._extra.pop(at))
        for row in self._missing.values():
            self._differences.add(missing_row(name, key, row))
        for found in self._extra.values():
            self._differences.add(extra_row(name, key, found))

    def _tell(self, row: Row, found: Row) -> None:
        for difference in differences(self._table.name, self._table.key, row, found):
            self._differences.add(difference)
