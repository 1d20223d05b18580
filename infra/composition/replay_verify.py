"""Verification of a core's log and read models, in Postgres."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg
import msgspec

from infra.composition.machinery import machinery
from infra.settings import Settings
from replay.verify.live_tables import Row
from replay.verify.report import Report
from replay.verify.table_checking import NoReadModels
from replay.verify.verification import Watch, verify

if TYPE_CHECKING:
    from asyncpg import Connection, Record

__all__ = ["NoReadModels", "Report", "Watch", "verify_core"]

PAGE = 1_000

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


class PostgresLiveTables:
    """Implements replay.verify.live_tables.LiveTables within a transaction's snapshot."""

    def __init__(self, connection: "Connection[Record]") -> None:
        self._connection = connection

    async def positions(self) -> Mapping[str, int]:
        records = await self._connection.fetch(_SQL["positions"])
        return {record["table"]: record["position"] for record in records}

    async def rows(self, table: str, *, by_position: bool = False) -> AsyncGenerator[Sequence[Row]]:
        sql = _SQL["rows by position" if by_position else "rows"].format(table=table)
        cursor = await self._connection.cursor(sql)
        while records := await cursor.fetch(PAGE):
            yield [_row(record) for record in records]


@asynccontextmanager
async def live_tables(dsn: str) -> AsyncGenerator[PostgresLiveTables]:
    """All read models as of now. While it lasts, no build takes the place of another.

    Raises NoReadModels.
    """
    connection = await asyncpg.connect(dsn)
    try:
        await _read_json(connection)
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            await _lock(connection)
            yield PostgresLiveTables(connection)
    finally:
        await connection.close()


async def verify_core(settings: Settings, watch: Watch) -> Report:
    """Raises as ``verify``, and as ``machinery``."""
    async with machinery(settings) as machine, live_tables(machine.servers.postgres_dsn) as live:
        return await verify(machine.log, live, watch)


async def _lock(connection: "Connection[Record]") -> None:
    try:
        await connection.execute(_SQL["lock"])
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError) as error:
        raise NoReadModels(str(error)) from error


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
