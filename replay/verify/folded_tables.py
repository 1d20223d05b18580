"""Compares the tables of one fold, which is held in memory, with the live ones."""

from collections.abc import Sequence

from eventsourcing.domain import EventSourcingError

from domain.log import category_of
from replay.verify.checks.check import finding
from replay.verify.collected import Collected
from replay.verify.comparison import differences, extra_row, key_of, missing_row
from replay.verify.fact import Fact
from replay.verify.finding import MAX_LISTED, Difference, Finding
from replay.verify.live_tables import LiveTables
from replay.verify.report import TableResult
from replay.verify.tables.table import Expected, Fold

CANNOT_FOLLOW = (
    EventSourcingError,
    LookupError,
    AttributeError,
    TypeError,
    ValueError,
    ArithmeticError,
)
"""What a fold may raise for an event that does not follow from those before it."""


class FoldedTables:
    """A stream that cannot be folded is told once and left as it was before that event."""

    def __init__(self, fold: Fold, position: int) -> None:
        self.position = position
        self._fold = fold
        self._broken: set[str] = set()

    def note(self, facts: Sequence[Fact]) -> list[Finding]:
        """What cannot be folded."""
        found = (self._apply(fact) for fact in facts if self._concerns(fact))
        return [each for each in found if each is not None]

    async def results(self, live: LiveTables) -> list[TableResult]:
        return [await self._compare(table, live) for table in self._fold.tables]

    def _concerns(self, fact: Fact) -> bool:
        recorded = fact.recorded
        return (
            recorded.position <= self.position
            and category_of(recorded.stream) == self._fold.category
            and recorded.stream not in self._broken
        )

    def _apply(self, fact: Fact) -> Finding | None:
        recorded, event = fact.recorded, fact.event
        if event is None:  # another check names it
            self._broken.add(recorded.stream)
            return None
        try:
            self._fold.apply(recorded, event)
        except CANNOT_FOLLOW as error:
            self._broken.add(recorded.stream)
            return finding(fact, f"{recorded.type} does not follow: {error!r}")
        return None

    async def _compare(self, table: Expected, live: LiveTables) -> TableResult:
        found = Collected[Difference](MAX_LISTED)
        left = table.keys()
        rows = len(left)
        async for page in live.rows(table.name):
            for row in page:
                key = key_of(row, table.key)
                if key not in left:
                    found.add(extra_row(table.name, table.key, row))
                    continue
                left.remove(key)
                for difference in differences(table.name, table.key, table.row(key), row):
                    found.add(difference)
        for key in sorted(left):
            found.add(missing_row(table.name, table.key, table.row(key)))
        return TableResult(table.name, self.position, rows, found.count, tuple(found.listed))
