"""Workers' checkpoints in Postgres."""

import asyncpg

from domain.clock import Clock
from domain.log import START
from infra.clock import SystemClock
from infra.database_patience import until_answered
from infra.workers import sql

SCHEMA_LOCK = 0x5041_5452
"""Advisory lock that lets one process at a time create the schema."""


class PostgresCheckpoints:
    """Implements domain.checkpoint.Checkpoints; a checkpoint never moves back.

    While the database is away it is waited for: a worker that cannot save where it is, waits there.
    """

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", clock: Clock | None = None) -> None:
        self._pool = pool
        self._clock = clock or SystemClock()

    @classmethod
    async def open(
        cls, pool: "asyncpg.Pool[asyncpg.Record]", clock: Clock | None = None
    ) -> "PostgresCheckpoints":
        """Create what is missing of the schema."""
        checkpoints = cls(pool, clock)
        await until_answered(checkpoints._clock, "workers", checkpoints._create_schema)
        return checkpoints

    async def load(self, worker: str) -> int:
        async def ask() -> int | None:
            found: int | None = await self._pool.fetchval(sql.LOAD_CHECKPOINT, worker)
            return found

        position = await until_answered(self._clock, f"checkpoint of {worker}", ask)
        return START if position is None else position

    async def save(self, worker: str, position: int) -> None:
        async def ask() -> None:
            await self._pool.execute(sql.SAVE_CHECKPOINT, worker, position)

        await until_answered(self._clock, f"checkpoint of {worker}", ask)

    async def _create_schema(self) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", SCHEMA_LOCK)
            await connection.execute(sql.SCHEMA)
