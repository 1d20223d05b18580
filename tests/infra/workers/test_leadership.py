"""One leader at a time, on the real Postgres; the holder's own time passes when a test says so."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta

import asyncpg
import msgspec
import pytest
from structlog.testing import capture_logs

from domain.clock import Clock
from infra.clock import SystemClock
from infra.workers.checkpoints import PostgresCheckpoints
from infra.workers.leadership import (
    MARGIN_SECONDS,
    RENEW_SECONDS,
    Leadership,
    LeadershipLost,
    leadership,
)
from infra.workers.lease_table import LEASE_SECONDS
from infra.workers.process_identity import ProcessIdentity
from tests.contract.logs import dsn_through, network_to
from tests.doubles.faulty_network import FaultyNetwork
from tests.doubles.manual_clock import ManualClock
from tests.infra.workers.other_process import OtherProcess

ROLE = "execution"
HELD_SECONDS = LEASE_SECONDS - MARGIN_SECONDS
PATIENCE = 20


@pytest.fixture
async def dsn(postgres_dsn: str) -> str:
    async with asyncpg.create_pool(postgres_dsn, min_size=1, max_size=2) as pool:
        await PostgresCheckpoints.open(pool)
    return postgres_dsn


class Table:
    """Somebody with a hand on the table of leases."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection = connection

    async def expire(self) -> None:
        await self._connection.execute("UPDATE workers.leadership SET expires_at = now()")

    async def expires_at(self) -> datetime:
        found: datetime = await self._connection.fetchval(
            "SELECT expires_at FROM workers.leadership"
        )
        return found

    async def until_renewed(self) -> None:
        before = await self.expires_at()
        while await self.expires_at() == before:  # noqa: ASYNC110  # nothing tells of it
            await asyncio.sleep(0.05)

    async def hold(self, holder: str, expires_in: timedelta, epoch: int = 7) -> None:
        await self._connection.execute(
            "INSERT INTO workers.leadership (role, epoch, holder, expires_at)"
            " VALUES ($1, $2, $3, now() + $4)"
            " ON CONFLICT (role) DO UPDATE SET expires_at = excluded.expires_at",
            *(ROLE, epoch, holder, expires_in),
        )


@pytest.fixture
async def table(dsn: str) -> AsyncGenerator[Table]:
    connection = await asyncpg.connect(dsn)
    yield Table(connection)
    await connection.close()


@asynccontextmanager
async def standing_by(dsn: str, clock: Clock) -> AsyncGenerator["asyncio.Task[int]"]:
    """The epoch under which a second instance will have led."""

    async def stand_by() -> int:
        async with leadership(dsn, ROLE, clock) as leading:
            return leading.epoch

    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(stand_by())
        yield waiting
        waiting.cancel()


async def until(is_so: Callable[[], bool]) -> None:
    """For what the server's answer brings about."""
    async with asyncio.timeout(PATIENCE):
        while not is_so():  # noqa: ASYNC110  # nothing tells of it
            await asyncio.sleep(0.005)


async def test_a_clean_end_lets_the_next_one_lead_at_once(dsn: str) -> None:
    async with asyncio.timeout(LEASE_SECONDS / 2), AsyncExitStack() as stack:
        leader = await stack.enter_async_context(leadership(dsn, ROLE, SystemClock()))
        waiting = await stack.enter_async_context(standing_by(dsn, SystemClock()))
        async with leadership(dsn, "another role", SystemClock()) as other:
            assert other.epoch == 1
        assert not waiting.done()
        await leader.end()
        assert not leader.holds()
        assert await waiting == leader.epoch + 1


async def test_a_waiting_instance_says_once_who_leads(dsn: str) -> None:
    clock = ManualClock()
    with capture_logs() as lines:
        async with leadership(dsn, ROLE, SystemClock()) as leader, standing_by(dsn, clock):
            for _ in range(3):
                await clock.until_asleep()
                await clock.advance(1)
    (line,) = [line for line in lines if line["event"] == "another instance leads, waiting"]
    assert line["role"] == ROLE
    assert line["leader"].startswith("process ")
    assert line["epoch"] == leader.epoch
    assert datetime.fromisoformat(line["since"]) < datetime.fromisoformat(line["until"])


async def test_a_leader_that_does_not_renew_is_replaced_and_notices(dsn: str, table: Table) -> None:
    clock = ManualClock()
    async with asyncio.timeout(PATIENCE), leadership(dsn, ROLE, clock) as stopped:
        async with standing_by(dsn, SystemClock()) as waiting:
            await table.expire()
            assert await waiting == stopped.epoch + 1
        await clock.advance(LEASE_SECONDS)
        assert not stopped.holds()
        with pytest.raises(LeadershipLost, match="another instance leads"):
            await stopped.watch()
        assert not stopped.holds()


async def test_a_pause_is_noticed_before_the_next_renewal(dsn: str) -> None:
    clock = ManualClock()
    async with leadership(dsn, ROLE, clock) as leading:
        assert leading.holds()
        await clock.until_asleep()
        await clock.advance(HELD_SECONDS)
        assert not leading.holds(), "as long as nobody has answered"
        await until(leading.holds)
        assert leading.epoch == 1


async def test_a_leader_that_renews_keeps_the_lead(dsn: str, table: Table) -> None:
    clock = ManualClock()
    async with leadership(dsn, ROLE, clock) as leading:
        for _ in range(int(LEASE_SECONDS) * 2):
            before = await table.expires_at()
            await clock.until_asleep()
            await clock.advance(RENEW_SECONDS)
            await clock.until_asleep()
            assert leading.holds()
            assert await table.expires_at() > before


@asynccontextmanager
async def leading_over_a_network(
    dsn: str, clock: ManualClock
) -> AsyncGenerator[tuple[FaultyNetwork, Leadership]]:
    async with (
        network_to(dsn) as network,
        leadership(dsn_through(network, dsn), ROLE, clock) as leading,
    ):
        yield network, leading


async def test_a_short_absence_of_the_database_does_not_lose_the_lead(dsn: str) -> None:
    clock = ManualClock()
    async with leading_over_a_network(dsn, clock) as (network, leading):
        network.refuse()
        network.disconnect()
        await _pass(clock, HELD_SECONDS - 1)
        assert leading.holds()
        network.refuse(refusing=False)
        await _pass(clock, HELD_SECONDS)
        assert leading.holds()
        assert leading.epoch == 1


async def test_a_long_absence_of_the_database_loses_the_lead(dsn: str, table: Table) -> None:
    clock = ManualClock()
    async with leading_over_a_network(dsn, clock) as (network, leading):
        network.refuse()
        network.disconnect()
        watching = asyncio.ensure_future(leading.watch())
        while not watching.done():
            await _pass(clock, 0.5)
        with pytest.raises(LeadershipLost, match="no answer"):
            await watching
        assert not leading.holds()
        assert HELD_SECONDS <= clock.monotonic() <= LEASE_SECONDS + 1
    await table.expire()
    async with leadership(dsn, ROLE, SystemClock()) as later:
        assert later.epoch == 2


async def test_without_a_database_nobody_leads_until_it_is_back(dsn: str) -> None:
    with capture_logs() as lines:
        async with network_to(dsn) as network:
            network.refuse()
            through = dsn_through(network, dsn)
            async with standing_by(through, SystemClock()) as waiting:
                await until(lambda: len(lines) > 0)
                network.refuse(refusing=False)
                async with asyncio.timeout(PATIENCE):
                    assert await waiting == 1
    assert [line["event"] for line in lines].count("nobody can lead, waiting") == 1


async def _pass(clock: ManualClock, seconds: float) -> None:
    """Time, in which the leader does what it does."""
    passed = 0.0
    while passed < seconds:
        await clock.advance(0.25)
        await asyncio.sleep(0.02)
        passed += 0.25


async def test_what_a_killed_process_of_this_machine_held_is_free(dsn: str, table: Table) -> None:
    with OtherProcess() as other:
        await table.hold(msgspec.json.encode(other.identity).decode(), timedelta(hours=1))
        async with standing_by(dsn, SystemClock()) as waiting:
            other.stop()
            done, _ = await asyncio.wait([waiting], timeout=1)
            assert not done, "a stopped process may go on"
            other.kill()
            async with asyncio.timeout(LEASE_SECONDS / 2):
                assert await waiting == 8


async def test_a_lease_from_the_future_ends_when_nobody_renews_it(dsn: str, table: Table) -> None:
    """The database's clock was set back by an hour: the lease would stand for as long."""
    clock = ManualClock()
    await table.hold("who can tell", timedelta(hours=1))
    async with standing_by(dsn, clock) as waiting:
        await clock.until_asleep()
        await clock.advance(LEASE_SECONDS - 0.1)
        await clock.until_asleep()
        assert not waiting.done()
        await clock.advance(1)
        async with asyncio.timeout(PATIENCE):
            assert await waiting == 8


async def test_a_lease_that_is_renewed_is_waited_for_whatever_it_says(
    dsn: str, table: Table
) -> None:
    clock = ManualClock()
    async with leadership(dsn, ROLE, SystemClock()), standing_by(dsn, clock) as waiting:
        for _ in range(4):
            await clock.until_asleep()
            await table.until_renewed()
            await clock.advance(LEASE_SECONDS - 1)
            await clock.until_asleep()
        assert not waiting.done()


async def test_a_lead_of_this_process_that_has_ended_is_not_waited_for(
    dsn: str, table: Table
) -> None:
    """Its last renewal was carried out after it had ended: the server was busy."""
    async with leadership(dsn, ROLE, SystemClock()) as first:
        pass
    me = msgspec.json.encode(ProcessIdentity.of_this_process()).decode()
    await table.hold(me, timedelta(hours=1), epoch=first.epoch)
    async with asyncio.timeout(LEASE_SECONDS / 2), leadership(dsn, ROLE, SystemClock()) as next_:
        assert next_.epoch == first.epoch + 1


async def test_the_epoch_is_above_that_of_the_log(dsn: str) -> None:
    async with leadership(dsn, ROLE, SystemClock(), above=41) as leading:
        assert leading.epoch == 42
