"""All read models over one reading of the log."""

from collections.abc import Mapping, Sequence
from typing import Self

from replay.verify.appended_table import AppendedTable
from replay.verify.collected import Collected
from replay.verify.fact import Fact
from replay.verify.finding import MAX_LISTED, Finding
from replay.verify.folded_tables import FoldedTables
from replay.verify.live_tables import LiveTables
from replay.verify.report import CheckResult, TableResult
from replay.verify.rows_in_order import RowsInOrder
from replay.verify.tables.registry import folds, rows_per_event


class NoReadModels(Exception):
    """There is nothing to compare with: a table that the log makes is not there."""

    def __init__(self, which: str) -> None:
        super().__init__(f"there are no read models: {which}")


class TableChecking:
    """``close`` it in the end: it reads some live tables along with the log."""

    def __init__(self, live: LiveTables, positions: Mapping[str, int]) -> None:
        self.positions = positions
        self._live = live
        self._folded = [
            FoldedTables(fold, min(positions[table.name] for table in fold.tables))
            for fold in folds()
        ]
        self._appended = [
            AppendedTable(
                table,
                positions[table.name],
                RowsInOrder(live.rows(table.name, by_position=True)),
            )
            for table in rows_per_event()
        ]
        self._unfolded = Collected[Finding](MAX_LISTED)
        self._streams: set[str] = set()
        self._folded_streams = 0

    @classmethod
    async def begin(cls, live: LiveTables) -> Self:
        """Raises NoReadModels."""
        positions = await live.positions()
        missing = sorted(known_tables() - positions.keys())
        if missing:
            raise NoReadModels(f"{', '.join(missing)} missing")
        return cls(live, positions)

    @property
    def not_recomputed(self) -> tuple[str, ...]:
        return tuple(sorted(self.positions.keys() - known_tables()))

    async def note(self, facts: Sequence[Fact]) -> None:
        """A page of the log; it is not empty."""
        self._folded_streams += sum(fact.recorded.version == 1 for fact in facts)
        for folded in self._folded:
            for finding in folded.note(facts):
                self._note_unfolded(finding)
        for appended in self._appended:
            await appended.note(facts)

    async def results(self) -> tuple[TableResult, ...]:
        """Once, at the end of the log."""
        results = [r for folded in self._folded for r in await folded.results(self._live)]
        return (*results, *[await appended.result() for appended in self._appended])

    def folding(self) -> CheckResult:
        """Whether every event follows from those before it in its stream."""
        found = self._unfolded
        return CheckResult("streams fold", self._folded_streams, found.count, tuple(found.listed))

    async def aclose(self) -> None:
        for appended in self._appended:
            await appended.aclose()

    def _note_unfolded(self, finding: Finding) -> None:
        """Once a stream, whichever tables are made of it."""
        if finding.subject not in self._streams:
            self._streams.add(finding.subject)
            self._unfolded.add(finding)


def known_tables() -> set[str]:
    return {
        *(table.name for fold in folds() for table in fold.tables),
        *(table.name for table in rows_per_event()),
    }
