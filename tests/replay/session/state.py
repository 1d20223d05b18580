"""The full state of read models: every row and every column of every table, as text.

It is read with nothing of the product: PostgreSQL's own catalog says which tables there are, and
its COPY writes what they hold.
"""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from asyncpg import Connection, Record

SHOWN_DIFFERENCES = 12

_LAYOUT = """
select t.relname as name, n.nspname as schema,
    array(
        select a.attname::text from pg_attribute a
        where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped order by a.attnum
    ) as columns,
    array(
        select a.attname::text from pg_index i, unnest(i.indkey) with ordinality k (number, nth)
        join pg_attribute a on a.attnum = k.number
        where i.indrelid = t.oid and i.indisprimary and a.attrelid = t.oid order by nth
    ) as key
from pg_class t join pg_namespace n on n.oid = t.relnamespace
where t.relkind = 'r' and n.nspname = any($1)
order by t.relname
"""

_SHOWN = """
select a.attname::text from pg_attribute a
where a.attrelid = to_regclass('read.' || $1) and a.attnum > 0 order by a.attnum
"""

Cells = tuple[bytes, ...]


class Table(NamedTuple):
    schema: str
    name: str
    columns: Sequence[str]
    key: Sequence[str]

    def cells_of(self, line: bytes) -> Cells:
        return tuple(line.split(b"\t"))

    def key_of(self, cells: Cells) -> Cells:
        return tuple(cells[self.columns.index(column)] for column in self.key)


class State(NamedTuple):
    """By table, one line for each row, in the order of the keys as text."""

    tables: Mapping[str, Table]
    lines: Mapping[str, Sequence[bytes]]

    @property
    def rows(self) -> int:
        return sum(len(lines) for lines in self.lines.values())

    def digest(self, table: str, columns: Sequence[str]) -> str:
        """SHA-256 of some columns of all rows."""
        of = self.tables[table]
        wanted = [of.columns.index(column) for column in columns]
        digest = sha256()
        for line in self.lines[table]:
            cells = of.cells_of(line)
            digest.update(b"\t".join(cells[index] for index in wanted) + b"\n")
        return digest.hexdigest()


async def layout(connection: "Connection[Record]", schemas: Sequence[str]) -> list[Table]:
    """The tables of these schemas, by name."""
    records = await connection.fetch(_LAYOUT, list(schemas))
    return [Table(r["schema"], r["name"], r["columns"], r["key"]) for r in records]


async def shown_columns(connection: "Connection[Record]", table: str) -> list[str]:
    """Those that the view of a table has."""
    return [record["attname"] for record in await connection.fetch(_SHOWN, table)]


async def read_state(connection: "Connection[Record]", tables: Sequence[Table]) -> State:
    """Of one moment, if the caller's transaction is of one."""
    lines = {table.name: await _lines(connection, table) for table in tables}
    return State({table.name: table for table in tables}, lines)


async def _lines(connection: "Connection[Record]", table: Table) -> list[bytes]:
    content = bytearray()

    async def take(some: bytes) -> None:
        content.extend(some)

    columns = ", ".join(f'"{column}"' for column in table.columns)
    query = f'select {columns} from "{table.schema}"."{table.name}"'
    await connection.copy_from_query(query, output=take)
    lines = bytes(content).splitlines()
    return sorted(lines, key=lambda line: table.key_of(table.cells_of(line)))


def differences(taken: State, rebuilt: State) -> list[str]:
    """What differs, by table, key and column; none if the two are one."""
    if [t[1:] for t in taken.tables.values()] != [t[1:] for t in rebuilt.tables.values()]:
        return [f"tables: {list(taken.tables.values())} and {list(rebuilt.tables.values())}"]
    return [
        difference
        for name in taken.tables
        if taken.lines[name] != rebuilt.lines[name]
        for difference in _of_table(name, taken, rebuilt)
    ]


def _of_table(name: str, taken: State, rebuilt: State) -> Iterator[str]:
    one, other = _by_key(name, taken), _by_key(name, rebuilt)
    for key in sorted(one.keys() | other.keys()):
        where = f"{name} {' '.join(cell.decode() for cell in key)}"
        if key not in other:
            yield f"{where}: not in the rebuild"
        elif key not in one:
            yield f"{where}: in the rebuild alone"
        else:
            pairs = zip(taken.tables[name].columns, one[key], other[key], strict=True)
            for column, was, made in pairs:
                if was != made:
                    yield f"{where}: {column} was {was.decode()}, rebuilt {made.decode()}"


def _by_key(name: str, state: State) -> dict[Cells, Cells]:
    table = state.tables[name]
    rows = [table.cells_of(line) for line in state.lines[name]]
    return {table.key_of(cells): cells for cells in rows}


def shortened(found: Sequence[str]) -> str:
    more = len(found) - SHOWN_DIFFERENCES
    lines = [line[:400] for line in found[:SHOWN_DIFFERENCES]]
    return "\n".join([*lines, f"and {more} more"] if more > 0 else lines)
