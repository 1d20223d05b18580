"""The log's tables and functions, created when a log is opened for the first time."""

from typing import TYPE_CHECKING

from infra.log.postgres.statements import SCHEMA

if TYPE_CHECKING:
    from asyncpg import Connection, Record

VERSION = 1
"""Raise it with every change of schema.sql; an older version in the database is then brought up."""

LOCK = (7237001, 2)


async def create_schema(connection: "Connection[Record]") -> None:
    """Safe to call from many processes at once; where the schema stands, nothing is changed.

    For a connection that is closed afterwards, which gives the lock back.
    """
    if await _installed_version(connection) >= VERSION:
        return
    # The lock is the session's, not the transaction's: a transaction that began before its turn
    # came would still take the schema for missing.
    await connection.execute("select pg_advisory_lock($1, $2)", *LOCK)
    async with connection.transaction():
        if await _installed_version(connection) < VERSION:
            await connection.execute(SCHEMA)
            await connection.execute("insert into log.schema_version values ($1)", VERSION)


async def _installed_version(connection: "Connection[Record]") -> int:
    if await connection.fetchval("select to_regclass('log.schema_version')") is None:
        return 0
    version: int | None = await connection.fetchval("select max(version) from log.schema_version")
    return version or 0
