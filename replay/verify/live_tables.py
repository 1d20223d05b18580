"""The live read models as a verification sees them: all at one moment."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Protocol

Row = Mapping[str, object]
"""By column. Ids are text, numbers int or Decimal, times aware; JSON is what it decodes to."""


class LiveTables(Protocol):
    """Everything it answers is of one snapshot, taken before its first answer."""

    async def positions(self) -> Mapping[str, int]:
        """Every table that is a fold of the log, and the position up to which it is folded."""
        ...

    def rows(self, table: str, *, by_position: bool = False) -> AsyncGenerator[Sequence[Row]]:
        """The table in pages, in any order, or by the column ``position``."""
        ...
