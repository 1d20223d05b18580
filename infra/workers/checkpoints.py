"""Workers' checkpoints in Postgres."""

import asyncpg

from domain.log import START
from infra.workers import sql

SCHEMA_LOCK = 0x5041_5452
"""Advisory lock that lets one process at a time create the schema."""


class PostgresCheckpoints:
    """Implements domain.checkpoint.Checkpoints; a checkpoint never moves back."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    @classmethod
    async def open(cls, pool: "asyncpg.Pool[asyncpg.Record]") -> "PostgresCheckpoints":
        """Create what is missing of the schema."""
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", SCHEMA_LOCK)
            await connection.execute(sql.SCHEMA)
        return cls(pool)

    async def load(self, worker: str) -> int:
        position: int | None = await self._pool.fetchval(sql.LOAD_CHECKPOINT, worker)
        return START if position is None else position

    async def save(self, worker: str, position: int) -> None:
        await self._pool.execute(sql.SAVE_CHECKPOINT, worker, position)
