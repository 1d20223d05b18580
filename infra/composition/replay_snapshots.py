"""Snapshots of the read models in PostgreSQL: dumped and loaded with COPY in its binary form."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import asyncpg
import msgspec

from domain.account.account import Account
from domain.log import EventLog, LogFailed, RecordedEvent
from domain.order.order import Order
from projections.account_tables import ACCOUNTS
from projections.accounts import ACCOUNTS_PROJECTION
from projections.orders import ORDERS, ORDERS_PROJECTION
from projections.projection import AnyTable, Projection
from replay.snapshots.contents import Contents, Edition, LastEvent
from replay.snapshots.snapshot_file import SnapshotBad, SnapshotWriter, read_part
from replay.snapshots.store import Kept, SnapshotStore

if TYPE_CHECKING:
    from replay.connection import Connection

SQL = {
    name.strip(): body.strip()
    for name, _, body in (
        part.partition("\n")
        for part in files(__package__)
        .joinpath("replay_snapshots.sql")
        .read_text("utf-8")
        .split("-- name: ")[1:]
    )
}

BUFFER = 1024 * 1024
"""Bytes of a table that go to the thread that writes them, together."""

_NOT_ROWS = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.ProtocolError)
"""What PostgreSQL says of a dump that was made of another table, or by another kind of server."""

_NO_BUILDS = (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError)
"""What PostgreSQL says where read models were never installed, or are gone."""

Use = Callable[[BinaryIO, Contents], Awaitable[None]]
"""What is done with the file of a snapshot that can be trusted. Raises SnapshotBad."""


class Aggregates(NamedTuple):
    """The table that has one row for each stream of a projection, with its version and position."""

    table: AnyTable
    stream_of: Callable[[str], str]


SNAPSHOTTED: Mapping[Projection, Aggregates] = {
    ACCOUNTS_PROJECTION: Aggregates(ACCOUNTS, Account.stream_of),
    ORDERS_PROJECTION: Aggregates(ORDERS, Order.stream_of),
}
"""Those with lists that take long to fold; the others have few events, or none with a list."""


class ActiveBuild(msgspec.Struct, frozen=True):
    """The build that is shown: ``schema`` has its tables, ``build`` is what no other has been or
    will be called."""

    schema: str
    build: str
    version: int
    checkpoint: int
    events: int


async def active_build(connection: "Connection", projection: Projection) -> ActiveBuild | None:
    """None where the one that is shown is of another version, or none is. Raises what the database
    raises, as where read models were never installed."""
    record = await connection.fetchrow(SQL["active"], projection.name)
    if record is None or record["version"] != projection.version:
        return None
    return msgspec.convert(dict(record), ActiveBuild)


def edition_of(projection: Projection, active: ActiveBuild) -> Edition:
    return Edition(projection.name, projection.version, active.build)


def tables_digest(projection: Projection) -> str:
    return sha256(projection.table_definitions("build").encode()).hexdigest()


async def last_event(
    connection: "Connection", log: EventLog, projection: Projection, schema: str
) -> LastEvent | None:
    """The newest event that the tables of a build show; None where the log has it not.

    Raises what the log and the database raise.
    """
    table, stream_of = SNAPSHOTTED[projection]
    sql = SQL["last"].format(id=table.key[0], build=schema, table=table.name)
    row = await connection.fetchrow(sql)
    if row is None:
        return None
    stream = stream_of(row["id"])
    recorded = await event_at(log, stream, row["version"])
    if recorded is None or recorded.position != row["position"]:
        return None
    return LastEvent.of(recorded)


async def last_of_log(log: EventLog, position: int) -> LastEvent | None:
    """The log's last event up to a position (inclusive). None where there is none, or the log has
    no such position. Raises what the log raises."""
    pages = log.read_back(until=position, page_size=1)
    try:
        async with aclosing(pages):
            async for page in pages:
                return LastEvent.of(page[0])
    except LogFailed:
        # Some logs say so of a position that stands between events. One that is broken says it
        # again.
        await log.head()
    return None


async def event_at(log: EventLog, stream: str, version: int) -> RecordedEvent | None:
    pages = log.read_stream(stream, after_version=version - 1, page_size=1)
    async with aclosing(pages):
        async for page in pages:
            return page[0]
    return None


async def dump(
    connection: "Connection", projection: Projection, build: str, writer: SnapshotWriter
) -> None:
    """All rows of a build, as its tables have them. Raises what the database raises; OSError."""
    for table in projection.tables:
        sql = SQL["rows"].format(build=build, table=table.name)
        waiting = bytearray()

        async def take(content: bytes, waiting: bytearray = waiting) -> None:
            waiting.extend(content)
            if len(waiting) >= BUFFER:
                await _off_the_loop(writer.write, waiting)

        writer.begin()
        status = await connection.copy_from_query(sql, output=take, format="binary")
        await _off_the_loop(writer.write, waiting)
        writer.end(table.name, int(status.removeprefix("COPY ")))


async def _off_the_loop(write: Callable[[bytes], None], waiting: bytearray) -> None:
    content = bytes(waiting)
    waiting.clear()
    await asyncio.to_thread(write, content)


class TrustedSnapshots:
    """Those that are whole, of these tables, of this log and of the build that is shown; others are
    set aside when met.

    Rows that were wrong in a build are wrong in what was taken from it. Whoever builds anew is rid
    of both.
    """

    def __init__(self, store: SnapshotStore, log: EventLog) -> None:
        self._store = store
        self._log = log

    async def newest(self, projection: Projection, active: ActiveBuild) -> Contents | None:
        """Raises what the log raises."""

        async def nothing_more(_file: BinaryIO, _contents: Contents) -> None: ...

        return await self._first(projection, active, None, nothing_more)

    async def load(
        self, connection: "Connection", projection: Projection, schema: str, until: int
    ) -> Contents | None:
        """Fill empty tables from the newest up to a cut: what they hold now, None where they are
        still empty. Raises what the log and the database raise."""

        async def fill(file: BinaryIO, contents: Contents) -> None:
            async with connection.transaction():
                for number, table in enumerate(projection.tables):
                    content = read_part(file, contents, number)
                    rows = await _load_table(connection, schema, table, content)
                    if rows != contents.parts[number].rows:
                        raise SnapshotBad(f"{table.name}: {rows} rows")

        try:
            active = await active_build(connection, projection)
        except _NO_BUILDS:
            return None
        return None if active is None else await self._first(projection, active, until, fill)

    async def _first(
        self, projection: Projection, active: ActiveBuild, until: int | None, use: Use
    ) -> Contents | None:
        """The newest that can be trusted and used."""
        name, edition = projection.name, edition_of(projection, active)
        for kept in await asyncio.to_thread(self._store.kept, edition, until):
            try:
                return await self._used(projection, edition, kept, use)
            except SnapshotBad as error:
                await asyncio.to_thread(self._store.refuse, kept, name, error)
        return None

    async def _used(
        self, projection: Projection, edition: Edition, kept: Kept, use: Use
    ) -> Contents:
        """Raises SnapshotBad."""
        with self._store.open(kept) as file:
            contents = await asyncio.to_thread(self._store.check, file, kept, edition)
            require_tables(projection, contents)
            await require_last(self._log, contents.last)
            if await last_of_log(self._log, contents.position) != contents.last_of_log:
                raise SnapshotBad("it is of another log")
            await use(file, contents)
            return contents


def require_tables(projection: Projection, contents: Contents) -> None:
    """Raises SnapshotBad."""
    held, wanted = contents.parts, projection.tables
    names_differ = [part.table for part in held] != [table.name for table in wanted]
    if names_differ or contents.tables != tables_digest(projection):
        raise SnapshotBad("it is of other tables")


async def require_last(log: EventLog, last: LastEvent) -> None:
    """Raises SnapshotBad where a log has not this event in its place, and what the log raises."""
    recorded = await event_at(log, last.stream, last.version)
    if recorded is None or LastEvent.of(recorded) != last:
        raise SnapshotBad("it is of another log")


async def _load_table(
    connection: "Connection", build: str, table: AnyTable, content: Iterator[bytes]
) -> int:
    """Without the indexes that are there only for fast lists. How many rows there are now."""
    name, key = f"{build}.{table.name}", ", ".join(table.key)
    for (drop,) in await connection.fetch(SQL["drop_indexes"], name):
        await connection.execute(drop)
    await connection.execute(f"alter table {name} drop constraint {table.name}_pkey")
    try:
        async with aclosing(_chunks(content)) as chunks:
            status = await connection.copy_to_table(
                table.name, source=chunks, schema_name=build, format="binary"
            )
        await connection.execute(f"alter table {name} add primary key ({key})")
    except _NOT_ROWS as error:
        raise SnapshotBad(f"{table.name}: {error}") from error
    return int(status.removeprefix("COPY "))


async def _chunks(content: Iterator[bytes]) -> AsyncGenerator[bytes]:
    """Each is made while the one before it is on its way."""
    ahead = _next_of(content)
    try:
        while (chunk := await ahead) is not None:
            ahead = _next_of(content)
            yield chunk
    finally:
        await asyncio.gather(ahead, return_exceptions=True)


def _next_of(content: Iterator[bytes]) -> "asyncio.Future[bytes | None]":
    return asyncio.ensure_future(asyncio.to_thread(next, content, None))
