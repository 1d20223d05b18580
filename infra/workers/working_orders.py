"""The orders that may be at the venue, from the read model once it is where the log is."""

from collections.abc import Sequence

import asyncpg

from domain.clock import Clock
from domain.log import EventLog
from infra.workers import sql

POLL_SECONDS = 0.05


class ReadModelWorkingOrders:
    """Implements domain.execution.recovery.WorkingOrders.

    Waits for the projector: a list from a read model that lags would leave orders out.
    """

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", log: EventLog, clock: Clock) -> None:
        self._pool = pool
        self._log = log
        self._clock = clock

    async def list(self) -> Sequence[str]:
        head = await self._log.head()
        while await self._projected() < head:
            await self._clock.sleep(POLL_SECONDS)
        return [row[0] for row in await self._pool.fetch(sql.WORKING_ORDERS)]

    async def _projected(self) -> int:
        try:
            position: int | None = await self._pool.fetchval(sql.PROJECTED_POSITION, "orders")
        except asyncpg.UndefinedTableError:
            return -1
        return -1 if position is None else position
