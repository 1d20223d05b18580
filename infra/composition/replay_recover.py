"""Recovery of a core whose Postgres or Redis has lost what it held, from the log alone."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg
import redis.asyncio
from redis.exceptions import RedisError

from infra.clock import SystemClock
from infra.composition.machinery import Machinery, machinery
from infra.composition.replay_recover_models import PostgresReadModels
from infra.composition.replay_recover_sql import SQL
from infra.composition.replay_recover_workers import PostgresWorkerPlaces
from infra.composition.servers import reach_postgres
from infra.settings import Settings
from replay.recover.cache import Cache
from replay.recover.failures import Damaged, LogIsEmpty, PartFailed, RecoveryFailed
from replay.recover.recovery import Recovery
from replay.recover.report import Report
from replay.recover.steps import Steps, Watch

__all__ = [
    "Damaged",
    "LogIsEmpty",
    "NothingThere",
    "RecoveryFailed",
    "Report",
    "StillRunning",
    "Watch",
    "recover_beside",
    "recover_core",
]

LOOKS = 20
LOOK_SECONDS = 0.1

_NAME = {"application_name": "patriot recover"}


class StillRunning(Exception):
    """Somebody works on this database: a recovery would pull it away from under them."""


class NothingThere(Exception):
    """The data directory holds no log to recover from."""


async def recover_core(settings: Settings, watch: Watch) -> Report:
    """Where no core runs. Raises NothingThere, StillRunning, LogIsEmpty, RecoveryFailed, and as
    ``machinery``."""
    _require_log(settings)
    if settings.postgres_dsn is None:
        # Whoever has the data directory's servers is alone with them.
        return await _recover(settings, watch)
    async with _alone(settings.postgres_dsn):
        return await _recover(settings, watch)


async def recover_beside(settings: Settings, watch: Watch) -> Report:
    """Redis alone, beside the core whose servers the settings name. Raises Damaged, RecoveryFailed,
    and as ``machinery``."""
    async with machinery(settings) as machine:
        return await _recovery(machine, watch).run_beside()


class RedisCache:
    """Implements replay.recover.cache.Cache."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client = client

    async def count(self) -> int:
        try:
            return int(await self._client.dbsize())
        except (RedisError, OSError) as error:
            raise PartFailed(str(error) or type(error).__name__) from error


async def _recover(settings: Settings, watch: Watch) -> Report:
    async with machinery(settings) as machine:
        return await _recovery(machine, watch).run(machine.log)


def _recovery(machine: Machinery, watch: Watch) -> Recovery:
    return Recovery(
        read_models=PostgresReadModels(machine),
        workers=PostgresWorkerPlaces(machine.pool),
        snapshots=(machine.snapshots, machine.stream_snapshots),
        cache=RedisCache(machine.redis),
        steps=Steps(machine.clock, watch),
    )


def _require_log(settings: Settings) -> None:
    """An embedded server would make a new, empty log where there is none."""
    is_embedded = settings.eventstoredb_uri is None and settings.postgres_dsn is None
    if is_embedded and not (settings.data_dir / "postgres" / "cluster").exists():
        raise NothingThere(f"there is no log in {settings.data_dir}")


@asynccontextmanager
async def _alone(dsn: str) -> AsyncGenerator[None]:
    """No other recovery at this database while the block runs, and nobody else at its beginning.

    Raises ServerAway, StillRunning.
    """
    await reach_postgres(dsn)
    connection = await asyncpg.connect(dsn, server_settings=_NAME)
    try:
        if not await connection.fetchval(SQL["lock"]):
            raise StillRunning("another recovery is under way at this database")
        await _require_nobody_else(connection)
        yield
    finally:
        await connection.close()


async def _require_nobody_else(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """The sessions of a process that has just ended are seen for a moment still."""
    clock = SystemClock()
    for _ in range(LOOKS):
        others = [name for (name,) in await connection.fetch(SQL["others"])]
        if not others:
            return
        await clock.sleep(LOOK_SECONDS)
    raise StillRunning(f"still at this database: {', '.join(others)}")


def _conforms(cache: RedisCache) -> Cache:
    return cache
