"""Work that nobody waits for: it takes the processor's time that others leave."""

import os
from typing import TYPE_CHECKING

import psutil  # type: ignore[import-untyped]  # published without type information
import structlog

from infra.collector import calm_collector

if TYPE_CHECKING:
    from asyncpg import Connection, Record
    from asyncpg.pool import PoolConnectionProxy

    AnyConnection = Connection[Record] | PoolConnectionProxy[Record]

NICENESS = 15
"""About a thirtieth of a busy processor, and all of an idle one. At 19, the lowest, a backend that
holds a lock of PostgreSQL could wait too long for the time to let go of it."""

BACKEND = "postgres"

_log = structlog.get_logger(__name__)


def step_back() -> None:
    """This process comes after others, for as long as it runs."""
    calm_collector()
    _step_back(os.getpid())


async def backend_steps_back(connection: "AnyConnection") -> None:
    """And so does what serves a connection, where it is a process of this machine that we may
    touch; elsewhere it stays as it is. For a pool's ``init``."""
    if await connection.fetchval("select inet_server_addr() is not null"):
        return
    pid = connection.get_server_pid()
    try:
        if psutil.Process(pid).name() == BACKEND:
            _step_back(pid)
    except (psutil.Error, OSError) as error:
        _log.debug("backend_keeps_its_priority", pid=pid, error=repr(error))


def _step_back(pid: int) -> None:
    """Never forward: that would take a privilege."""
    niceness = max(NICENESS, os.getpriority(os.PRIO_PROCESS, pid))
    os.setpriority(os.PRIO_PROCESS, pid, niceness)
