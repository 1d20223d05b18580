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
from infra.subject_keys.master_key import MasterKeyFile
from infra.subject_keys.postgres_subject_keys import PostgresSubjectKeys
from infra.version import code_version

__all__ = ["UNREADABLE", "NothingThere", "client_desk"]

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
    """Raises NothingThere, ServerAway, SettingsError, and as ``servers`` and ``event_log``."""
    _require_log(settings)
    failpoints.arm(settings, os.environ)
    clock = SystemClock()
    async with (
        servers(settings, clock) as where,
        event_log(settings, where.postgres_dsn) as opened,
        asyncpg.create_pool(where.postgres_dsn, min_size=1, max_size=CONNECTIONS) as pool,
    ):
        log = with_failpoints(opened)
        keys = PostgresSubjectKeys(pool, MasterKeyFile(settings), SystemIds())
        try:
            await keys.install()
            yield ClientDesk(Repository(log, code_version()), log, keys, clock)
        except _DATABASE_AWAY as error:
            raise ServerAway(
                f"PostgreSQL went away: {str(error) or type(error).__name__}"
            ) from error


def _require_log(settings: Settings) -> None:
    """An embedded server would make a new, empty log where there is none."""
    is_embedded = settings.postgres_dsn is None
    if is_embedded and not (settings.data_dir / "postgres" / "cluster").exists():
        raise NothingThere(f"there is no core in {settings.data_dir}")
