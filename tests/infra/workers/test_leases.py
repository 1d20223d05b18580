"""The table of leases: compare and swap, in Postgres and in memory alike."""

from collections.abc import AsyncGenerator

import asyncpg
import pytest

from infra.workers.checkpoints import PostgresCheckpoints
from infra.workers.lease_table import LeaseTable, LeaseTableAway
from infra.workers.postgres_leases import PostgresLeases
from tests.doubles.manual_clock import ManualClock
from tests.infra.workers.memory_leases import MemoryLeases

ROLE = "execution"


@pytest.fixture(params=["postgres", "memory"])
async def table(request: pytest.FixtureRequest) -> AsyncGenerator[LeaseTable]:
    if request.param == "memory":
        yield MemoryLeases(ManualClock())
        return
    dsn = request.getfixturevalue("postgres_dsn")
    async with asyncpg.create_pool(dsn, min_size=1, max_size=2) as pool:
        await PostgresCheckpoints.open(pool)
    async with PostgresLeases.open(dsn) as leases:
        yield leases


async def test_a_lease_that_nobody_had_has_expired(table: LeaseTable) -> None:
    row = await table.read(ROLE)
    assert row.has_expired
    assert row.epoch == 0
    assert await table.read(ROLE) == row


async def test_a_lease_is_taken_once(table: LeaseTable) -> None:
    seen = await table.read(ROLE)
    assert await table.take(ROLE, seen, "one", 0) == 1
    assert await table.take(ROLE, seen, "two", 0) is None
    row = await table.read(ROLE)
    assert (row.epoch, row.holder, row.has_expired) == (1, "one", False)
    assert await table.take("another", await table.read("another"), "two", 0) == 1


async def test_an_epoch_is_above_what_is_known_from_elsewhere(table: LeaseTable) -> None:
    assert await table.take(ROLE, await table.read(ROLE), "one", 41) == 42
    assert await table.take(ROLE, await table.read(ROLE), "two", 7) == 43


async def test_a_renewal_makes_it_last_and_ends_what_others_saw(table: LeaseTable) -> None:
    await table.take(ROLE, await table.read(ROLE), "one", 0)
    seen = await table.read(ROLE)
    if isinstance(table, MemoryLeases):
        await table.clock.advance(1)
    assert await table.renew(ROLE, 1)
    assert (await table.read(ROLE)).expires_at > seen.expires_at
    assert await table.take(ROLE, seen, "two", 0) is None


async def test_an_epoch_that_is_over_is_not_renewed_or_released(table: LeaseTable) -> None:
    await table.take(ROLE, await table.read(ROLE), "one", 0)
    await table.take(ROLE, await table.read(ROLE), "two", 0)
    assert not await table.renew(ROLE, 1)
    await table.release(ROLE, 1)
    assert not (await table.read(ROLE)).has_expired


async def test_a_released_lease_can_be_had_again(table: LeaseTable) -> None:
    await table.take(ROLE, await table.read(ROLE), "one", 0)
    await table.release(ROLE, 1)
    assert (await table.read(ROLE)).has_expired
    assert await table.renew(ROLE, 1), "nobody has taken it: it is still of this epoch"
    assert not (await table.read(ROLE)).has_expired


async def test_no_server_is_no_answer() -> None:
    async with PostgresLeases.open("postgresql://somebody@127.0.0.1:1/none") as leases:
        with pytest.raises(LeaseTableAway, match="no answer"):
            await leases.read(ROLE)


async def test_a_table_of_an_older_version_is_extended(postgres_dsn: str) -> None:
    async with asyncpg.create_pool(postgres_dsn, min_size=1, max_size=2) as pool:
        await pool.execute(_OLDER)
        await PostgresCheckpoints.open(pool)
    async with PostgresLeases.open(postgres_dsn) as leases:
        row = await leases.read(ROLE)
        assert (row.epoch, row.has_expired) == (7, True)


_OLDER = """
CREATE SCHEMA workers;
CREATE TABLE workers.leadership (
    role text PRIMARY KEY, epoch integer NOT NULL, since timestamptz NOT NULL DEFAULT now()
);
INSERT INTO workers.leadership (role, epoch) VALUES ('execution', 7);
"""
