"""Checkpoints that never move back, one leader at a time, and a list that leaves no order out."""

import asyncio
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

import asyncpg
import pytest

from infra.clock import SystemClock
from infra.log.postgres.log import PostgresEventLog
from infra.workers.checkpoints import PostgresCheckpoints
from infra.workers.leadership import LeadershipLost, leadership
from infra.workers.working_orders import FAILED_SECONDS, ReadModelFailed, ReadModelWorkingOrders

ROLE = "execution"

if TYPE_CHECKING:
    Pool = asyncpg.Pool[asyncpg.Record]


class ImpatientClock(SystemClock):
    """Every wait is over at once, and has taken its time."""

    def __init__(self) -> None:
        self._passed = 0.0
        self.has_waited = asyncio.Event()

    def monotonic(self) -> float:
        return self._passed

    async def sleep(self, seconds: float) -> None:
        self._passed += seconds
        if self._passed > FAILED_SECONDS * 2:
            self.has_waited.set()
        await asyncio.sleep(0)


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


async def test_a_standby_leads_when_the_leader_is_gone(pool: "Pool", postgres_dsn: str) -> None:
    await PostgresCheckpoints.open(pool)
    leads = asyncio.Event()

    async def stand_by() -> int:
        async with leadership(postgres_dsn, ROLE, SystemClock()) as standby:
            leads.set()
            return standby.epoch

    async with asyncio.timeout(20):
        async with leadership(postgres_dsn, ROLE, SystemClock()) as leader:
            waiting = asyncio.create_task(stand_by())
            async with leadership(postgres_dsn, "another role", SystemClock()) as other:
                assert other.epoch == 1
            assert not leads.is_set()
        assert await waiting == leader.epoch + 1


async def test_a_lost_connection_is_leadership_lost(pool: "Pool", postgres_dsn: str) -> None:
    await PostgresCheckpoints.open(pool)
    async with leadership(postgres_dsn, ROLE, SystemClock()) as leading, asyncio.timeout(20):
        watching = asyncio.create_task(leading.watch())
        ended = await pool.fetchval(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' LIMIT 1"
        )
        assert ended
        with pytest.raises(LeadershipLost, match=ROLE):
            await watching


async def test_a_read_model_that_has_stopped_is_not_waited_for(
    pool: "Pool", postgres_dsn: str
) -> None:
    """Nobody projects here: the log has an event that no read model will ever show."""
    async with PostgresEventLog.open(postgres_dsn) as log:
        await pool.execute(_LOG_IS_AHEAD)
        await pool.execute(_READ_MODELS)
        clock = ImpatientClock()
        orders = ReadModelWorkingOrders(pool, log, clock)
        listing = asyncio.create_task(orders.list())
        await clock.has_waited.wait()
        assert not listing.done(), "a read model that only lags is waited for"
        await pool.execute("UPDATE read.projections SET failure = 'poisoned'")
        async with asyncio.timeout(20):
            with pytest.raises(ReadModelFailed, match="poisoned"):
                await listing


_LOG_IS_AHEAD = """
INSERT INTO log.events (position, stream, version, id, type, data, metadata, recorded_at)
VALUES (1, 'order-1', 1, gen_random_uuid(), 'Odd', '{}', '{}', now())
"""

_READ_MODELS = """
CREATE SCHEMA read;
CREATE TABLE read.projections (name text, checkpoint bigint, failure text, created_at timestamptz);
INSERT INTO read.projections VALUES ('orders', 0, NULL, now());
"""
