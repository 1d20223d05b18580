"""A projection: a name, a version, its tables and a fold."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, cast

import msgspec

from domain.event import Event
from domain.log import EventFilter, RecordedEvent
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
    """Whole rows as they are now, and the keys of rows that are gone."""

    table: AnyTable
    rows: Sequence[msgspec.Struct]
    deleted: Sequence[Mapping[str, str]] = ()


class Loaded:
    """The rows that a fold asked for."""

    def __init__(self) -> None:
        self._rows: dict[str, Sequence[msgspec.Struct]] = {}

    def put(self, table: AnyTable, rows: Sequence[msgspec.Struct]) -> None:
        self._rows[table.name] = rows

    def rows(self, table: Table[RowT]) -> Sequence[RowT]:
        return cast("Sequence[RowT]", self._rows.get(table.name, ()))


class Fold(Protocol):
    """The fold of one page after another, without I/O: for each page wanted, take, apply for each
    fact, changes. It keeps what it knows between pages: what it asks for anew must not have changed
    in the page before, whose rows may be on their way to the database.

    ``apply`` may raise anything for an event that it cannot take.
    """

    @property
    def known(self) -> int:
        """How many things it holds in memory."""
        ...

    def wanted(self, facts: Sequence[Fact]) -> Sequence[Wanted]:
        """Rows that the page needs and that it does not know yet."""
        ...

    def take(self, loaded: Loaded) -> None: ...

    def apply(self, fact: Fact) -> None: ...

    def changes(self) -> Sequence[Changes]:
        """What changed since the last call."""
        ...


class Projection:
    """``file`` holds its tables and views; ``types`` narrows the events of its categories to some
    types, where it is set. Raise the version with every change of tables or fold:
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
        types: frozenset[str] = frozenset(),
    ) -> None:
        self.name = name
        self.version = version
        self.tables = tables
        self.fold = fold
        self.only = EventFilter(types=types, categories=categories)
        self._prefixes = tuple(f"{category}-" for category in sorted(categories))
        self._sql = statements(file)

    def concerns(self, event: RecordedEvent) -> bool:
        if self.only.types and event.type not in self.only.types:
            return False
        return event.stream.startswith(self._prefixes)

    def table_definitions(self, build: str) -> str:
        return self._sql["tables"].format(build=build)

    def views(self, build: str) -> dict[str, str]:
        """The views over a build by their names in ``read``."""
        return {
            name.removeprefix("view "): body.format(build=build)
            for name, body in self._sql.items()
            if name.startswith("view ")
        }
