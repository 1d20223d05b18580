"""A table of a read model: typed rows, read and written in sets.

Rows travel as one JSON array each way: PostgreSQL makes rows of it in one statement, and numbers
stay exact, as decimals are text in it or JSON numbers that are never read as binary floats.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar, cast

import msgspec

from projections.statements import statements

if TYPE_CHECKING:
    from projections.connection import Connection

RowT = TypeVar("RowT", bound=msgspec.Struct)

_SQL = statements("table.sql")
_encode = msgspec.json.Encoder().encode
_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
"""Its escape in JSON; after an odd number of backslashes it is text that only looks like it."""


class Digest(msgspec.Struct, frozen=True):
    """What tells two tables apart: how many rows, and a checksum over all their columns."""

    rows: int
    checksum: str


class Table(Generic[RowT]):
    """``row`` has the table's columns; ``key`` is its primary key.

    Rows are loaded by the values of one column. ``published_as`` is the kind under which changed
    rows go to the change feed, ``hidden`` are the columns that only the fold needs.
    """

    def __init__(
        self,
        name: str,
        row: type[RowT],
        key: tuple[str, ...],
        *,
        loaded_by: str = "",
        loaded_by_type: str = "uuid",
        published_as: str | None = None,
        hidden: frozenset[str] = frozenset(),
        appended: bool = False,
    ) -> None:
        self.name = name
        self.row = row
        self.key = key
        self.published_as = published_as
        self.public = tuple(c for c in row.__struct_fields__ if c not in hidden)
        self._decode = msgspec.json.Decoder(list[row]).decode  # type: ignore[valid-type]  # a type at run time
        self._words = {
            "table": name,
            "key": ", ".join(key),
            "key_of_t": ", ".join(f"t.{column}" for column in key),
            "key_of_gone": ", ".join(f"gone.{column}" for column in key),
            "loaded_by": loaded_by or key[0],
            "loaded_by_type": loaded_by_type,
            "assignments": ", ".join(
                f"{column} = excluded.{column}"
                for column in row.__struct_fields__
                if column not in key
            ),
        }
        self._write = "insert" if appended else "upsert"

    async def load(
        self, connection: "Connection", build: str, keys: Collection[str]
    ) -> Sequence[RowT]:
        """The rows whose ``loaded_by`` column has one of the values."""
        if not keys:
            return []
        text = await connection.fetchval(self._sql("load", build), list(keys))
        return cast("Sequence[RowT]", self._decode(text))

    async def write(
        self, connection: "Connection", build: str, rows: Sequence[msgspec.Struct]
    ) -> None:
        if rows:
            await connection.execute(self._sql(self._write, build), _storable(_encode(rows)))

    async def delete(
        self, connection: "Connection", build: str, keys: Sequence[Mapping[str, str]]
    ) -> None:
        if keys:
            await connection.execute(self._sql("delete", build), _encode(keys).decode())

    async def digest(self, connection: "Connection", build: str) -> Digest:
        record = await connection.fetchrow(self._sql("digest", build))
        assert record is not None
        return Digest(rows=record["rows"], checksum=record["checksum"])

    def _sql(self, name: str, build: str) -> str:
        return _SQL[name].format(build=build, **self._words)


def _storable(rows: bytes) -> str:
    """PostgreSQL has no text with a NUL in it, and what a venue says may be anything: that must not
    stop a read model. The log keeps it as it came, rows show the symbol for it."""
    if b"\\u0000" in rows:
        rows = _NUL.sub(rb"\1\\u2400", rows)
    return rows.decode()
