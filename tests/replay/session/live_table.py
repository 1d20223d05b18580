"""A live table that is changed behind the projections' back, and put right again."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import psycopg
from psycopg.rows import DictRow, dict_row

_BUILD = """
select distinct u.table_schema as build from information_schema.view_table_usage u
where u.view_schema = 'read' and u.view_name = %s
"""

_KEY = """
select a.attname as name from pg_index i, unnest(i.indkey) with ordinality k (number, nth)
join pg_attribute a on a.attnum = k.number
where i.indrelid = to_regclass(%s) and i.indisprimary and a.attrelid = i.indrelid order by nth
"""

_SHOWN = """
select a.attname as name, t.typname as type from pg_attribute a join pg_type t on t.oid = a.atttypid
where a.attrelid = to_regclass('read.' || %s) and a.attnum > 0 order by a.attnum
"""

_TABLES = """
select c.relname as name from pg_class c
join pg_namespace n on n.oid = c.relnamespace join projections.builds b on b.build = n.nspname
where c.relkind = 'r' and b.state = 'active' order by c.relname
"""

OTHER = {
    "numeric": "coalesce({0}, 0) + 0.00000001",
    "int4": "coalesce({0}, 0) + 1",
    "int8": "coalesce({0}, 0) + 1",
    "text": "coalesce({0}, '') || 'x'",
    "bool": "not coalesce({0}, false)",
    "timestamptz": "coalesce({0}, 'epoch') + interval '1 microsecond'",
    "uuid": "gen_random_uuid()",
    "jsonb": "jsonb_set({0}, '{{other}}', '1')",
}
"""A value that is as near as can be, by type."""


class LiveTable:
    """``at`` of a change is a condition; the first row in the order of the keys is meant."""

    def __init__(self, connection: psycopg.Connection[DictRow], name: str) -> None:
        self.name = name
        self._connection = connection
        (build,) = self._all(_BUILD, name)
        self._table = f"{build['build']}.{name}"
        self.key = [row["name"] for row in self._all(_KEY, self._table)]

    def columns(self) -> Mapping[str, str]:
        """The types of those that are shown and are not of the key."""
        shown = self._all(_SHOWN, self.name)
        return {row["name"]: row["type"] for row in shown if row["name"] not in self.key}

    @contextmanager
    def changed(self, column: str, value: str, at: str = "true") -> Iterator[dict[str, str]]:
        """One row with another value, an SQL expression; its key."""
        with self._kept(at) as key:
            self._execute(f"update {self._table} set {column} = {value} where {self._is(key)}")
            yield key

    @contextmanager
    def dropped(self, at: str = "true") -> Iterator[dict[str, str]]:
        with self._kept(at) as key:
            self._execute(f"delete from {self._table} where {self._is(key)}")
            yield key

    @contextmanager
    def added(self, column: str, value: str) -> Iterator[dict[str, str]]:
        """A row like another, but for a part of the key."""
        (key,) = self._keys("true")
        self._execute(
            f"create temp table added as select * from {self._table} where {self._is(key)};"
            f"update added set {column} = {value}"
        )
        (new,) = self._all(f"select {self._key_texts()} from added")
        self._execute(f"insert into {self._table} select * from added; drop table added")
        try:
            yield new
        finally:
            self._execute(f"delete from {self._table} where {self._is(new)}")

    def text(self, column: str, key: Mapping[str, str]) -> str | None:
        """As PostgreSQL writes it."""
        (row,) = self._all(f"select {column}::text as it from {self._table} where {self._is(key)}")
        found: str | None = row["it"]
        return found

    @contextmanager
    def _kept(self, at: str) -> Iterator[dict[str, str]]:
        (key,) = self._keys(at)
        where = self._is(key)
        self._execute(f"create temp table kept as select * from {self._table} where {where}")
        try:
            yield key
        finally:
            self._execute(
                f"delete from {self._table} where {where};"
                f"insert into {self._table} select * from kept; drop table kept"
            )

    def _keys(self, at: str) -> Sequence[dict[str, str]]:
        texts, order = self._key_texts(), ", ".join(self.key)
        return self._all(f"select {texts} from {self._table} where {at} order by {order} limit 1")

    def _key_texts(self) -> str:
        return ", ".join(f"{column}::text as {column}" for column in self.key)

    def _is(self, key: Mapping[str, str]) -> str:
        return " and ".join(f"{column}::text = '{value}'" for column, value in key.items())

    def _execute(self, sql: str) -> None:
        self._connection.execute(sql)

    def _all(self, sql: str, *values: str) -> list[dict[str, str]]:
        cursor = self._connection.execute(sql, values or None)
        rows: list[dict[str, str]] = cursor.fetchall()
        return rows


@contextmanager
def live_table(dsn: str, name: str) -> Iterator[LiveTable]:
    with psycopg.connect(dsn, autocommit=True, row_factory=dict_row) as connection:
        yield LiveTable(connection, name)


def all_tables(dsn: str) -> list[str]:
    """Of every read model that is a fold of the log."""
    with psycopg.connect(dsn) as connection:
        return [row[0] for row in connection.execute(_TABLES)]
