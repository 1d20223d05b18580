"""The orders that may be at the venue, from the read model once it is where the log is."""

from collections.abc import Sequence
from typing import NamedTuple

import asyncpg

from domain.clock import Clock
from domain.log import EventLog
from infra.workers import sql

READ_MODEL = "orders"
POLL_SECONDS = 0.05
FAILED_SECONDS = 10.0
"""A projector that has just started tries again what failed before it."""


class ReadModelFailed(Exception):
    """The read model has stopped: what it lists may leave out orders."""


class Projected(NamedTuple):
    """How far the read model is; ``failure`` says why it goes no further."""

    position: int
    failure: str | None


NOTHING = Projected(-1, None)


class ReadModelWorkingOrders:
    """Implements domain.execution.recovery.WorkingOrders.

    Waits for the projector: a list from a read model that lags would leave orders out. Raises
    ReadModelFailed if it has stopped.
    """

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", log: EventLog, clock: Clock) -> None:
        self._pool = pool
        self._log = log
        self._clock = clock

    async def list(self) -> Sequence[str]:
        head = await self._log.head()
        since = self._clock.monotonic()
        while (projected := await self._projected()).position < head:
            if projected.failure is None:
                since = self._clock.monotonic()
            elif self._clock.monotonic() - since > FAILED_SECONDS:
                raise ReadModelFailed(f"the read model {READ_MODEL} stopped: {projected.failure}")
            await self._clock.sleep(POLL_SECONDS)
        return [row[0] for row in await self._pool.fetch(sql.WORKING_ORDERS)]

    async def _projected(self) -> Projected:
        try:
            row = await self._pool.fetchrow(sql.PROJECTED_POSITION, READ_MODEL)
        except asyncpg.UndefinedTableError:
            row = None
        return NOTHING if row is None else Projected(row["checkpoint"], row["failure"])
