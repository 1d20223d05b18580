"""The servers a core stands on: each one embedded, unless a setting names another."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg
import msgspec

from domain.log import EventLog
from infra.embedded.postgres import EmbeddedPostgres
from infra.embedded.valkey import EmbeddedValkey
from infra.log.eventstoredb.log import EventStoreDBEventLog
from infra.log.postgres.log import PostgresEventLog
from infra.settings import Settings

if TYPE_CHECKING:
    from asyncpg import Pool, Record

POOL_SIZE = 40
"""Three connections a projection, and some for queries."""


class Servers(msgspec.Struct, frozen=True):
    """How to reach Postgres and Redis."""

    postgres_dsn: str
    redis_url: str


@asynccontextmanager
async def servers(settings: Settings) -> AsyncGenerator[Servers]:
    """Start what is embedded, and stop it again."""
    async with AsyncExitStack() as stack:
        dsn, url = settings.postgres_dsn, settings.redis_url
        if dsn is None:
            postgres = EmbeddedPostgres(settings.data_dir / "postgres")
            dsn = (await stack.enter_async_context(postgres)).dsn
        if url is None:
            valkey = EmbeddedValkey(settings.data_dir / "valkey")
            url = (await stack.enter_async_context(valkey)).url
        yield Servers(dsn, url)


@asynccontextmanager
async def event_log(settings: Settings, dsn: str) -> AsyncGenerator[EventLog]:
    """EventStoreDB where a URI is set, else the table in Postgres."""
    if settings.eventstoredb_uri is not None:
        async with EventStoreDBEventLog.open(settings.eventstoredb_uri) as log:
            yield log
    else:
        async with PostgresEventLog.open(dsn) as embedded:
            yield embedded


@asynccontextmanager
async def postgres_pool(dsn: str) -> AsyncGenerator["Pool[Record]"]:
    async with asyncpg.create_pool(dsn, min_size=2, max_size=POOL_SIZE) as pool:
        yield pool
