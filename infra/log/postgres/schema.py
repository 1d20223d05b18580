"""The log's tables and functions, created when a log is opened for the first time."""

from typing import TYPE_CHECKING

from infra.log.postgres.statements import SCHEMA

if TYPE_CHECKING:
    from asyncpg import Connection, Record

VERSION = 1
"""Raise it with every change of schema.sql; an older version in the database is then brought up."""

LOCK = (7237001, 2)


async def create_schema(connection: "Connection[Record]") -> None:
    """Safe to call from many processes at once; where the schema stands, nothing is changed."""
    if await _installed_version(connection) >= VERSION:
        return
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock($1, $2)", *LOCK)
        if await _installed_version(connection) >= VERSION:
            return
        await connection.execute(SCHEMA)
        await connection.execute("insert into log.schema_version values ($1)", VERSION)


async def _installed_version(connection: "Connection[Record]") -> int:
    if await connection.fetchval("select to_regclass('log.schema_version')") is None:
        return 0
    version: int = await connection.fetchval(
        "select coalesce(max(version), 0) from log.schema_version"
    )
    return version
