"""Verification of a core's log and read models, in Postgres."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg
import msgspec

from infra.clock import SystemClock
from infra.composition.servers import ServerAway, event_log, servers
from infra.settings import Settings
from replay.verify.finding import Difference
from replay.verify.live_tables import Row
from replay.verify.report import Report
from replay.verify.table_checking import NoReadModels
from replay.verify.verification import Watch, verify

if TYPE_CHECKING:
    from asyncpg import Connection, Record

__all__ = ["Difference", "NoReadModels", "Report", "Watch", "verify_core"]

PAGE = 1_000
ATTEMPTS = 5
DATABASE_AWAY = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InterfaceError,
)

_SQL = {
    name.strip(): body.strip()
    for name, _, body in (
        part.partition("\n")
        for part in files(__package__)
        .joinpath("replay_verify.sql")
        .read_text("utf-8")
        .split("-- name: ")[1:]
    )
}


class ShownTable(msgspec.Struct, frozen=True):
    """A view in the schema ``read``: what it selects from which tables of a build, and how far
    that build has come."""

    table: str
    position: int
    definition: str
    sources: list[str]


class PostgresLiveTables:
    """Implements replay.verify.live_tables.LiveTables within a transaction's snapshot.

    What the views select is read, not the views: they may be pointed at other builds meanwhile.
    """

    def __init__(self, connection: "Connection[Record]", tables: Mapping[str, ShownTable]) -> None:
        self._connection = connection
        self._tables = tables

    async def positions(self) -> Mapping[str, int]:
        return {name: shown.position for name, shown in self._tables.items()}

    async def rows(self, table: str, *, by_position: bool = False) -> AsyncGenerator[Sequence[Row]]:
        definition = self._tables[table].definition
        sql = _SQL["rows by position" if by_position else "rows"].format(definition=definition)
        cursor = await self._connection.cursor(sql)
        while records := await cursor.fetch(PAGE):
            yield [_row(record) for record in records]


@asynccontextmanager
async def live_tables(dsn: str) -> AsyncGenerator[PostgresLiveTables]:
    """All read models as of now; they stay readable as they are while it lasts.

    Raises NoReadModels.
    """
    connection = await asyncpg.connect(dsn)
    try:
        await _read_json(connection)
        yield PostgresLiveTables(connection, await _snapshot(connection))
    finally:
        await connection.close()


async def _snapshot(connection: "Connection[Record]") -> Mapping[str, ShownTable]:
    """Begin the transaction whose snapshot it is, anew where a build was being dropped."""
    for attempt in range(1, ATTEMPTS + 1):
        await connection.execute("begin isolation level repeatable read read only")
        tables = await _shown(connection)
        sources = sorted({source for shown in tables.values() for source in shown.sources})
        try:
            await connection.execute(_SQL["keep"].format(sources=", ".join(sources)))
        except asyncpg.UndefinedTableError:
            if attempt == ATTEMPTS:
                raise
            await connection.execute("rollback")
        else:
            break
    return tables


async def _shown(connection: "Connection[Record]") -> Mapping[str, ShownTable]:
    try:
        records = await connection.fetch(_SQL["shown"])
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError) as error:
        raise NoReadModels(str(error)) from error
    if not records:
        raise NoReadModels("the schema read has none")
    tables = [msgspec.convert(dict(record), ShownTable) for record in records]
    return {shown.table: shown for shown in tables}


async def verify_core(settings: Settings, watch: Watch) -> Report:
    """Raises NoReadModels, ServerAway, and as ``servers`` and ``event_log``."""
    async with (
        servers(settings, SystemClock()) as where,
        event_log(settings, where.postgres_dsn) as log,
    ):
        try:
            async with live_tables(where.postgres_dsn) as live:
                return await verify(log, live, watch)
        except DATABASE_AWAY as error:
            raise ServerAway(
                f"PostgreSQL went away: {str(error) or type(error).__name__}"
            ) from error


async def _read_json(connection: "Connection[Record]") -> None:
    for name in ("json", "jsonb"):
        await connection.set_type_codec(
            name,
            encoder=lambda value: msgspec.json.encode(value).decode(),
            decoder=msgspec.json.decode,
            schema="pg_catalog",
        )


def _row(record: "Record") -> Row:
    return {
        name: str(value) if isinstance(value, UUID) else value for name, value in record.items()
    }
