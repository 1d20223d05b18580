"""Personal details and their erasure, on the log and the database of a core, running or not."""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg

from domain.client.sealed import Unreadable
from domain.event import UndecodableEvent, UnknownEventType
from domain.repository import Repository
from domain.use_cases.client_desk import ClientDesk
from infra.clock import SystemClock, SystemIds
from infra.composition.failpoint_log import with_failpoints
from infra.composition.servers import ServerAway, event_log, servers
from infra.failpoints import failpoints
from infra.settings import Settings
from infra.subject_keys.master_key_file import MasterKeyFile
from infra.subject_keys.postgres_subject_keys import PostgresSubjectKeys, Rewrapped
from infra.version import code_version

__all__ = ["UNREADABLE", "NothingThere", "Rewrapped", "client_desk", "subject_keys"]

UNREADABLE = (Unreadable, UnknownEventType, UndecodableEvent)
"""What is there and cannot be read."""

CONNECTIONS = 2

_DATABASE_AWAY = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InterfaceError,
)


class NothingThere(Exception):
    """The data directory holds no log: personal data would go into a new one."""


@asynccontextmanager
async def client_desk(settings: Settings) -> AsyncGenerator[ClientDesk]:
    """Raises as ``subject_keys`` and ``event_log``."""
    failpoints.arm(settings, os.environ)
    async with (
        _database(settings) as dsn,
        event_log(settings, dsn) as opened,
        _keys(settings, dsn) as keys,
    ):
        log = with_failpoints(opened)
        yield ClientDesk(Repository(log, code_version()), log, keys, SystemClock())


@asynccontextmanager
async def subject_keys(settings: Settings) -> AsyncGenerator[PostgresSubjectKeys]:
    """Raises NothingThere, ServerAway, SettingsError, and as ``servers``."""
    async with _database(settings) as dsn, _keys(settings, dsn) as keys:
        yield keys


@asynccontextmanager
async def _database(settings: Settings) -> AsyncGenerator[str]:
    _require_log(settings)
    async with servers(settings, SystemClock()) as where:
        try:
            yield where.postgres_dsn
        except _DATABASE_AWAY as error:
            message = f"PostgreSQL went away: {str(error) or type(error).__name__}"
            raise ServerAway(message) from error


@asynccontextmanager
async def _keys(settings: Settings, dsn: str) -> AsyncGenerator[PostgresSubjectKeys]:
    async with asyncpg.create_pool(dsn, min_size=1, max_size=CONNECTIONS) as pool:
        keys = PostgresSubjectKeys(pool, MasterKeyFile(settings), SystemIds())
        await keys.install()
        yield keys


def _require_log(settings: Settings) -> None:
    """An embedded server would make a new, empty log where there is none."""
    is_embedded = settings.postgres_dsn is None
    if is_embedded and not (settings.data_dir / "postgres" / "cluster").exists():
        raise NothingThere(f"there is no core in {settings.data_dir}")
