"""The tables of read models, computed from the log by folds of this room's own."""

from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from domain.event import Event
from domain.log import RecordedEvent
from replay.verify.comparison import Key
from replay.verify.fact import Fact
from replay.verify.live_tables import Row

Item = TypeVar("Item")


class Expected(Protocol):
    """A table as it should be. ``row`` answers for one of its ``keys``."""

    @property
    def name(self) -> str: ...

    @property
    def key(self) -> tuple[str, ...]: ...

    def keys(self) -> set[Key]: ...

    def row(self, key: Key) -> Row: ...


class Table(Generic[Item]):
    """One dict: by key what a row is made of, when it is asked for."""

    def __init__(self, name: str, key: tuple[str, ...], row: Callable[[Item], Row]) -> None:
        self.name = name
        self.key = key
        self.items: dict[Key, Item] = {}
        self._row = row

    def keys(self) -> set[Key]:
        return set(self.items)

    def row(self, key: Key) -> Row:
        return self._row(self.items[key])


class Fold(Protocol):
    """Folds the streams of one category into tables in memory, all as of one position."""

    @property
    def category(self) -> str: ...

    @property
    def tables(self) -> Sequence[Expected]: ...

    def apply(self, recorded: RecordedEvent, event: Event) -> None:
        """May raise anything for an event that does not follow from those before it."""
        ...


class RowPerEvent(Protocol):
    """A table to which an event adds at most one row, which never changes. It has the column
    ``position``, so that it need not be held in memory to be compared."""

    @property
    def name(self) -> str: ...

    @property
    def key(self) -> tuple[str, ...]: ...

    def row(self, fact: Fact) -> Row | None: ...
