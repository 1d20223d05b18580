"""One active worker a role: a session lock in Postgres, and an epoch that counts leaders.

The lock is gone with the connection, so a dead leader blocks nobody. What makes a stale leader
harmless is not the lock but the log's expected versions and the epoch in every intent.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg
import structlog

from domain.clock import Clock
from infra.workers import sql

RETRY_SECONDS = 0.5

_logger = structlog.get_logger(__name__)


class LeadershipLost(Exception):
    """The connection that held the lock is gone: another instance may lead now."""


@asynccontextmanager
async def leadership(dsn: str, role: str, clock: Clock) -> AsyncGenerator["Leadership"]:
    """Wait until this instance leads, and hold on while the block runs."""
    connection = await asyncpg.connect(dsn)
    try:
        waiting = False
        while not await connection.fetchval(sql.TRY_LEAD, role):
            if not waiting:
                _logger.info("another instance leads, waiting", role=role)
                waiting = True
            await clock.sleep(RETRY_SECONDS)
        epoch: int = await connection.fetchval(sql.NEXT_EPOCH, role)
        _logger.info("leading", role=role, epoch=epoch)
        yield Leadership(role, epoch, connection, clock)
    finally:
        await connection.close(timeout=1)


class Leadership:
    """``epoch`` is larger than that of every leader before."""

    def __init__(
        self, role: str, epoch: int, connection: "asyncpg.Connection[asyncpg.Record]", clock: Clock
    ) -> None:
        self.role = role
        self.epoch = epoch
        self._connection = connection
        self._clock = clock

    async def watch(self) -> None:
        """Until cancelled; raises LeadershipLost when the lock cannot be shown to be held."""
        while True:
            await self._clock.sleep(RETRY_SECONDS)
            try:
                await self._connection.fetchval("SELECT 1", timeout=2)
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                raise LeadershipLost(f"{self.role}: the lock's connection is gone") from error
