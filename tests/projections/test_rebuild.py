"""Blue/green: compared, taken over in one transaction, resumable, and nothing left over."""

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING

import asyncpg
import pytest

from projections.failures import Fenced, LeaseHeld
from projections.orders import OrdersFold
from projections.projection import Projection
from projections.statements import statements
from tests.projections.desk import BY_NAME, FIRST_BUILD, ORDERS, Desk
from tests.projections.expected import Expected
from tests.projections.faults import HoldBefore, KillAt, Steps, stepped
from tests.projections.history import History
from tests.projections.test_read_models import assert_equal, rows_of

if TYPE_CHECKING:
    from projections.connection import Connection


async def project_all(desk: Desk) -> None:
    await desk.runner().install()
    for projection in BY_NAME.values():
        lease = await desk.lease(projection)
        await desk.worker(lease, projection).catch_up()
        await desk.builds.release(desk.connection, lease)


async def active_builds(desk: Desk) -> set[str]:
    rows = await desk.connection.fetch("select build from projections.builds")
    return {row["build"] for row in rows}


async def test_a_rebuild_gives_identical_rows_and_leaves_one_build(desk: Desk) -> None:
    await desk.append(History(41), 700)
    await project_all(desk)
    for name, projection in BY_NAME.items():
        before = await desk.digest(projection)
        rebuilt = await desk.runner().rebuild(name)
        assert rebuilt.comparison is not None
        assert rebuilt.comparison.identical
        assert rebuilt.comparison.new == before == await desk.digest(projection)
        assert all(digest.rows > 0 for digest in before.values())
    assert await desk.schemas() == await active_builds(desk)
    assert len(await active_builds(desk)) == len(BY_NAME)


@pytest.mark.parametrize(
    "deletion",
    [
        "drop schema projections, read cascade",
        "drop schema read cascade",
        f"drop schema {FIRST_BUILD} cascade",
        f"drop table {FIRST_BUILD}.executions cascade",
        f"truncate {FIRST_BUILD}.orders, {FIRST_BUILD}.executions",
    ],
)
async def test_whatever_is_deleted_a_rebuild_gives_the_same_rows(desk: Desk, deletion: str) -> None:
    await desk.append(History(42), 500)
    await project_all(desk)
    before = await desk.digest()
    await desk.connection.execute(deletion)
    await desk.runner().rebuild("orders")
    assert await desk.digest() == before
    assert await desk.connection.fetchval("select count(*) from read.orders") > 0
    assert await desk.connection.fetchval("select count(*) from read.executions") > 0


async def test_rows_that_were_tampered_with_are_told_and_replaced(desk: Desk) -> None:
    await desk.append(History(43), 500)
    await project_all(desk)
    before = await desk.digest()
    await desk.connection.execute(
        "update executions set price = price + 0.00000001 where ctid ="
        " (select min(ctid) from executions)".replace("executions", f"{FIRST_BUILD}.executions")
    )
    rebuilt = await desk.runner().rebuild("orders")
    assert rebuilt.comparison is not None
    assert not rebuilt.comparison.identical
    assert rebuilt.comparison.new["orders"] == rebuilt.comparison.old["orders"]
    assert await desk.digest() == before


async def test_reads_and_writes_go_on_during_rebuilds(desk: Desk) -> None:
    history = History(44)
    await desk.append(history, 600)
    async with desk.running() as runner:
        await desk.caught_up()
        reading = asyncio.create_task(read_all_the_time(desk))
        writing = asyncio.create_task(write_all_the_time(desk, history))
        for name in ("orders", "accounts", "orders", "order_timeline", "risk", "operations"):
            rebuilt = await runner.rebuild(name)
            assert rebuilt.comparison is None or rebuilt.comparison.identical
        writing.cancel()
        reading.cancel()
        seen = await asyncio.gather(reading, writing, return_exceptions=True)
        assert [type(outcome) for outcome in seen] == [asyncio.CancelledError] * 2
        await desk.caught_up()
    expected = Expected(desk.log.store.events)
    assert_equal(await rows_of(desk, "orders", "order_id"), expected.order_rows())
    assert_equal(await rows_of(desk, "balances", "account_id", "asset"), expected.balance_rows())
    assert await desk.events_projected() == desk.concerning()


async def read_all_the_time(desk: Desk) -> None:
    """No read may fail, and none may see fewer orders than one before it."""
    connection = await asyncpg.connect(desk.dsn)
    try:
        most = 0
        while True:
            count = await connection.fetchval("select count(*) from read.orders")
            assert count >= most
            most = count
            await connection.fetch("select * from read.executions limit 10")
            await connection.fetch("select * from read.balances")
    finally:
        await connection.close()


async def write_all_the_time(desk: Desk, history: History) -> None:
    while True:
        await desk.append(history, 10)
        await desk.clock.sleep(0.01)


async def test_a_rebuild_that_was_killed_is_gone_on_with(desk: Desk) -> None:
    await desk.append(History(45), 900)
    await project_all(desk)
    before = await desk.digest()
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        # Its pool is dead from the fortieth step on, as a killed process is.
        await desk.rebuilder(stepped(desk.pool, KillFrom(40, desk.dsn))).rebuild(ORDERS)
    half_made = await desk.connection.fetchrow(
        "select build, checkpoint from projections.builds where state = 'building'"
    )
    assert half_made is not None
    assert 0 < half_made["checkpoint"] < await desk.log.head()

    with pytest.raises(LeaseHeld):
        await desk.runner().rebuild("orders")  # the killed one might still live
    desk.clock.advance(seconds=60)
    rebuilt = await desk.runner().rebuild("orders")

    assert rebuilt.build == half_made["build"]
    assert await desk.events_projected() == desk.concerning()
    assert await desk.digest() == before
    assert await desk.schemas() == await active_builds(desk)


class KillFrom(KillAt):
    """Every session ends from a step on."""

    async def pass_by(self, connection: "Connection", statement: str = "") -> None:
        if self.taken >= self._step:
            self._step = self.taken + 1
        await super().pass_by(connection, statement)


@pytest.mark.parametrize("step", range(3, 45, 3))
async def test_a_rebuild_killed_at_any_step_can_be_repeated(desk: Desk, step: int) -> None:
    await desk.append(History(46), 150)
    await project_all(desk)
    before = await desk.digest()
    steps: Steps = KillFrom(step, desk.dsn)
    outcome = await asyncio.gather(
        desk.rebuilder(stepped(desk.pool, steps)).rebuild(ORDERS), return_exceptions=True
    )
    # Whatever it came to, what is read is whole.
    assert await desk.digest() == before, outcome
    desk.clock.advance(seconds=60)
    await desk.runner().rebuild("orders")
    assert await desk.digest() == before
    assert await desk.events_projected() == desk.concerning()
    assert await desk.schemas() == await active_builds(desk)


async def test_the_old_build_cannot_run_ahead_while_the_new_one_takes_over(desk: Desk) -> None:
    """Or readers would go back in time."""
    history = History(50)
    await desk.append(history, 200)
    await project_all(desk)
    worker = desk.worker(await desk.lease())
    hold = HoldBefore("set state = 'retired'")
    rebuild = asyncio.create_task(desk.rebuilder(stepped(desk.pool, hold)).rebuild(ORDERS))
    await hold.reached.wait()
    await desk.append(history, 50)
    old = asyncio.create_task(worker.catch_up())
    while not (old.done() or await desk.is_waiting_for_a_lock()):
        await desk.clock.sleep(0.01)
    hold.go_on.set()
    with pytest.raises(Fenced):
        await old
    await rebuild


async def test_an_abandoned_build_is_dropped_and_a_fresh_one_is_not(desk: Desk) -> None:
    await project_all(desk)
    await desk.builds.create(desk.connection, ORDERS)
    desk.clock.advance(minutes=50)
    await desk.runner().install()
    assert len(await desk.schemas()) == len(BY_NAME) + 1
    desk.clock.advance(minutes=20)
    await desk.runner().install()
    assert await desk.schemas() == await active_builds(desk)
    assert len(await desk.schemas()) == len(BY_NAME)


async def test_only_one_rebuild_of_a_projection_at_a_time(desk: Desk) -> None:
    await desk.append(History(47), 200)
    await project_all(desk)
    outcomes = await asyncio.gather(
        desk.runner().rebuild("orders"), desk.runner().rebuild("orders"), return_exceptions=True
    )
    assert sum(isinstance(outcome, LeaseHeld) for outcome in outcomes) <= 1
    assert not all(isinstance(outcome, BaseException) for outcome in outcomes)
    assert await desk.schemas() == await active_builds(desk)


def next_version() -> Projection:
    """The next version of orders: its view has lost a column and gained another."""
    projection = Projection(
        name="orders",
        version=ORDERS.version + 1,
        categories=frozenset({"order"}),
        tables=ORDERS.tables,
        fold=OrdersFold,
        file="orders.sql",
    )
    sql = dict(statements("orders.sql"))
    sql["view orders"] = "select order_id, status as state, quantity from {build}.orders"
    projection._sql = sql
    return projection


async def test_a_new_version_is_built_beside_the_old_one_and_takes_its_place(desk: Desk) -> None:
    history = History(48)
    await desk.append(history, 500)
    async with desk.running():
        await desk.caught_up()
        # The process of the old version runs on while that of the new one starts.
        async with desk.running([next_version()]) as newer:
            while not {("orders", ORDERS.version + 1)} <= {
                (s.name, s.version) for s in await newer.status() if s.state == "active"
            }:
                await desk.clock.sleep(0.01)
            await desk.append(history, 50)
            await desk.caught_up()
    rows = await desk.connection.fetch("select * from read.orders")
    assert {tuple(row.keys()) for row in rows} == {("order_id", "state", "quantity")}
    statuses = Expected(desk.log.store.events).order_rows()
    assert {str(r["order_id"]): r["state"] for r in rows} == {
        key[0]: row["status"] for key, row in statuses.items()
    }
    assert await desk.schemas() == await active_builds(desk)
    assert Decimal(0) not in {row["quantity"] for row in rows}


async def test_who_may_read_a_view_still_may_after_a_rebuild(desk: Desk) -> None:
    await project_all(desk)
    await desk.connection.execute("create role dashboard; grant select on read.orders to dashboard")
    try:
        await desk.runner().rebuild("orders")
        may = "select has_table_privilege('dashboard', 'read.orders', 'select')"
        assert await desk.connection.fetchval(may)
    finally:
        await desk.connection.execute("drop owned by dashboard; drop role dashboard")


async def test_a_reader_in_the_middle_of_a_transaction_delays_a_rebuild_and_no_more(
    desk: Desk,
) -> None:
    await desk.append(History(49), 100)
    await project_all(desk)
    reader = await asyncpg.connect(desk.dsn)
    transaction = reader.transaction()
    await transaction.start()
    await reader.fetchval("select count(*) from read.orders")
    rebuild = asyncio.create_task(desk.runner().rebuild("orders"))
    while not await desk.is_waiting_for_a_lock():
        await desk.clock.sleep(0.01)
    await reader.fetchval("select count(*) from read.orders")
    await transaction.rollback()
    await reader.close()
    assert (await rebuild).build in await desk.schemas()
