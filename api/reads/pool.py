"""The API's own connections: values arrive as they go out, so that no number is ever rounded."""

from typing import TYPE_CHECKING, TypeAlias

import asyncpg
import msgspec

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
else:
    # At run time asyncpg's classes take no parameters.
    Pool = asyncpg.Pool
    Connection = asyncpg.Connection

UNREACHABLE: tuple[type[Exception], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what a connection says that ends in the middle of a step
    OSError,  # includes TimeoutError and refused connections
)
"""What a database raises that cannot be asked now; errors in a statement are not among them."""

SETTINGS = {"timezone": "UTC", "datestyle": "ISO", "application_name": "patriot-api"}


def read_pool(dsn: str, size: int = 10) -> Pool:
    """A pool to be entered with ``async with``. Connections only ever read, so none is reset."""
    return asyncpg.create_pool(
        dsn,
        min_size=1,
        max_size=size,
        init=prepare,
        reset=_keep,
        server_settings=SETTINGS,
        command_timeout=10,
        timeout=5,
    )


async def prepare(connection: Connection) -> None:
    """Read decimals, ids and times as text, and JSON as bytes."""
    for name in ("numeric", "uuid"):
        await _as_text(connection, name)
    await connection.set_type_codec(
        "timestamptz", schema="pg_catalog", encoder=str, decoder=rfc3339, format="text"
    )
    for name in ("json", "jsonb"):
        await connection.set_type_codec(
            name, schema="pg_catalog", encoder=str, decoder=_raw, format="text"
        )


async def _as_text(connection: Connection, name: str) -> None:
    await connection.set_type_codec(
        name, schema="pg_catalog", encoder=str, decoder=str, format="text"
    )


async def _keep(_connection: Connection) -> None:
    """Nothing to undo: statements of the read side leave no state behind."""


def rfc3339(text: str) -> str:
    """``2026-11-21T06:19:16.120000Z`` of ``2026-11-21 06:19:16.12+00``."""
    date, _, time = text.removesuffix("+00").partition(" ")
    whole, _, fraction = time.partition(".")
    return f"{date}T{whole}.{fraction:0<6}Z"


def _raw(text: str) -> msgspec.Raw:
    return msgspec.Raw(text.encode())
