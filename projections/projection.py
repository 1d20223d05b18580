"""A projection: a name, a version, its tables and a fold."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple, Protocol, cast

import msgspec

from domain.event import Event
from domain.log import EventFilter, RecordedEvent, category_of
from projections.statements import statements
from projections.table import RowT, Table

AnyTable = Table[Any]


class Fact(NamedTuple):
    """An event beside its record."""

    recorded: RecordedEvent
    event: Event


class Wanted(NamedTuple):
    """Rows a fold starts from, by the values of the table's ``loaded_by`` column."""

    table: AnyTable
    keys: Collection[str]


class Changes(NamedTuple):
    """Whole rows as they are now; rows of ``deleted`` need be right in their key only."""

    table: AnyTable
    rows: Sequence[msgspec.Struct]
    deleted: Sequence[msgspec.Struct] = ()


class Loaded:
    """The rows that a fold asked for."""

    def __init__(self) -> None:
        self._rows: dict[str, Sequence[msgspec.Struct]] = {}

    def put(self, table: AnyTable, rows: Sequence[msgspec.Struct]) -> None:
        self._rows[table.name] = rows

    def rows(self, table: Table[RowT]) -> Sequence[RowT]:
        return cast("Sequence[RowT]", self._rows.get(table.name, ()))


class Fold(Protocol):
    """The fold of one batch, without I/O: wanted, start, apply for each fact, changes.

    ``apply`` may raise anything for an event that it cannot take.
    """

    def wanted(self, facts: Sequence[Fact]) -> Sequence[Wanted]: ...

    def start(self, loaded: Loaded) -> None: ...

    def apply(self, fact: Fact) -> None: ...

    def changes(self) -> Sequence[Changes]: ...


class Projection:
    """``file`` holds its tables and views. Raise the version with every change of tables or fold:
    the new version is then built beside the old one and takes its place."""

    def __init__(
        self,
        *,
        name: str,
        version: int,
        categories: frozenset[str],
        tables: tuple[AnyTable, ...],
        fold: Callable[[], Fold],
        file: str,
    ) -> None:
        self.name = name
        self.version = version
        self.tables = tables
        self.fold = fold
        self.only = EventFilter(categories=categories)
        self._categories = categories
        self._sql = statements(file)

    def concerns(self, event: RecordedEvent) -> bool:
        return category_of(event.stream) in self._categories

    def table_definitions(self, build: str) -> str:
        return self._sql["tables"].format(build=build)

    def views(self, build: str) -> dict[str, str]:
        """The views over a build by their names in ``read``."""
        return {
            name.removeprefix("view "): body.format(build=build)
            for name, body in self._sql.items()
            if name.startswith("view ")
        }
