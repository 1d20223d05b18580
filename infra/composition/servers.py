"""The servers a core stands on: each one embedded, unless a setting names another."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg
import msgspec
import redis.asyncio
from redis.exceptions import RedisError

from domain.clock import Clock
from domain.log import EventLog, LogError
from infra.embedded.errors import ServerFailed
from infra.embedded.postgres import EmbeddedPostgres
from infra.embedded.valkey import EmbeddedValkey
from infra.log.eventstoredb.log import EventStoreDBEventLog
from infra.log.postgres.log import PostgresEventLog
from infra.settings import Settings

if TYPE_CHECKING:
    from asyncpg import Pool, Record

    Embedded = EmbeddedPostgres | EmbeddedValkey

POOL_SIZE = 40
"""Three connections a projection, and some for queries."""

ANSWER_SECONDS = 5.0
WATCH_SECONDS = 0.1
DATABASE_ERRORS = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)


class ServerAway(Exception):
    """A server that a setting names does not answer at the start. Carries no credentials."""


class Servers(msgspec.Struct, frozen=True):
    """How to reach Postgres and Redis."""

    postgres_dsn: str
    redis_url: str


@asynccontextmanager
async def servers(settings: Settings, clock: Clock) -> AsyncGenerator[Servers]:
    """Start what is embedded, and stop it again.

    Raises EmbeddedServerError, also when one ends by itself later; ServerAway.
    """
    embedded: list[Embedded] = []
    async with AsyncExitStack() as stack:
        dsn, url = settings.postgres_dsn, settings.redis_url
        if dsn is None:
            postgres = EmbeddedPostgres(settings.data_dir / "postgres", recovers=False)
            dsn = (await stack.enter_async_context(postgres)).dsn
            embedded.append(postgres)
        if url is None:
            valkey = EmbeddedValkey(settings.data_dir / "valkey")
            url = (await stack.enter_async_context(valkey)).url
            embedded.append(valkey)
        await reach_postgres(dsn)
        await reach_redis(url)
        async with _watched(embedded, clock):
            yield Servers(dsn, url)


@asynccontextmanager
async def event_log(settings: Settings, dsn: str) -> AsyncGenerator[EventLog]:
    """EventStoreDB where a URI is set, else the table in Postgres. Raises ServerAway, LogError."""
    if settings.eventstoredb_uri is not None:
        async with AsyncExitStack() as stack:
            opening = EventStoreDBEventLog.open(settings.eventstoredb_uri)
            try:
                log = await stack.enter_async_context(opening)
            except LogError as error:
                raise ServerAway(str(error)) from error
            yield log
    else:
        async with PostgresEventLog.open(dsn) as embedded:
            yield embedded


@asynccontextmanager
async def postgres_pool(dsn: str) -> AsyncGenerator["Pool[Record]"]:
    async with asyncpg.create_pool(dsn, min_size=2, max_size=POOL_SIZE) as pool:
        yield pool


async def reach_postgres(dsn: str) -> str:
    """The server's version. Raises ServerAway."""
    try:
        connection = await asyncpg.connect(dsn, timeout=ANSWER_SECONDS)
    except DATABASE_ERRORS as error:
        raise ServerAway(f"no PostgreSQL answers at {_place(dsn)}: {_reason(error)}") from error
    try:
        version: str = await connection.fetchval("SHOW server_version")
    finally:
        await connection.close(timeout=ANSWER_SECONDS)
    return version


async def reach_redis(url: str) -> str:
    """The server's version. Raises ServerAway."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS), redis.asyncio.from_url(url) as client:
            found = await client.info("server")
    except (RedisError, OSError) as error:
        raise ServerAway(f"no Redis answers at {_place(url)}: {_reason(error)}") from error
    return str(found.get("valkey_version") or found["redis_version"])


@asynccontextmanager
async def _watched(embedded: Sequence["Embedded"], clock: Clock) -> AsyncGenerator[None]:
    """Ends the block when a server has ended: nobody else would start it again."""
    try:
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(_until_one_ends(embedded, clock))
            yield
            watching.cancel()
    except ExceptionGroup as errors:
        # What needed the server may have noticed before the watch did.
        _require_running(embedded, errors)
        raise errors.exceptions[0] from None


async def _until_one_ends(embedded: Sequence["Embedded"], clock: Clock) -> None:
    while True:
        await clock.sleep(WATCH_SECONDS)
        _require_running(embedded)


def _require_running(embedded: Sequence["Embedded"], cause: Exception | None = None) -> None:
    for server in embedded:
        if not server.is_running:
            name = type(server).__name__.removeprefix("Embedded")
            words = server.last_words()
            why = f": {words}" if words else ""
            raise ServerFailed(f"{name} ended while the core was running{why}") from cause


def _place(address: str) -> str:
    """Where a server is, without credentials and parameters that may hold some."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__
