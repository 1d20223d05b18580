"""Checkpoints that never move back, and a list that leaves no order out."""

import asyncio
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

import asyncpg
import pytest

from infra.workers.checkpoints import PostgresCheckpoints

if TYPE_CHECKING:
    Pool = asyncpg.Pool[asyncpg.Record]


@pytest.fixture
async def pool(postgres_dsn: str) -> AsyncGenerator["Pool"]:
    async with asyncpg.create_pool(postgres_dsn, min_size=1, max_size=4) as pool:
        yield pool


async def test_a_checkpoint_never_moves_back(pool: "Pool") -> None:
    checkpoints = await PostgresCheckpoints.open(pool)
    assert await checkpoints.load("policies") == 0
    for position in (3, 7, 5):
        await checkpoints.save("policies", position)
    assert await (await PostgresCheckpoints.open(pool)).load("policies") == 7
    assert await checkpoints.load("execution") == 0


async def test_processes_that_start_at_once_share_one_schema(pool: "Pool") -> None:
    await asyncio.gather(*(PostgresCheckpoints.open(pool) for _ in range(4)))
