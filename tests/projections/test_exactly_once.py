"""Each event counts once: through crashes at every step, races, and leases that are lost."""

import asyncio
from collections.abc import Callable

import pytest

from projections.failures import Fenced, is_transient
from tests.projections.desk import BY_NAME, ORDERS, Desk
from tests.projections.expected import Expected
from tests.projections.faults import CancelAt, HoldAt, KillAt, Steps, stepped
from tests.projections.history import History, append_all
from tests.projections.test_read_models import assert_equal, rows_of

STEPS_OF_A_BATCH = 7
"""Begin, advance, load, two writes, commit, and what comes after it."""


async def assert_right(desk: Desk) -> None:
    expected = Expected(desk.log.store.events)
    assert await desk.events_projected() == desk.concerning()
    assert_equal(await rows_of(desk, "orders", "order_id"), expected.order_rows())
    executions = await rows_of(desk, "executions", "order_id", "execution_number")
    assert_equal(executions, expected.execution_rows())


async def crash(desk: Desk, steps: Steps) -> BaseException | None:
    """Project with steps in a task of its own; what it died of."""
    lease = await desk.lease()
    worker = desk.worker(lease, pool=stepped(desk.pool, steps))
    task = asyncio.create_task(worker.catch_up())
    (outcome,) = await asyncio.gather(task, return_exceptions=True)
    desk.clock.advance(seconds=60)  # the dead worker's lease runs out
    return outcome


@pytest.mark.parametrize("step", range(1, 2 * STEPS_OF_A_BATCH + 1))
@pytest.mark.parametrize("fault", ["kill", "cancel"])
async def test_a_crash_at_any_step_neither_loses_nor_repeats(
    desk: Desk, step: int, fault: str
) -> None:
    await desk.append(History(21), 260)
    await desk.runner().install()
    steps = KillAt(step, desk.dsn) if fault == "kill" else CancelAt(step)

    outcome = await crash(desk, steps)

    if fault == "cancel":
        assert isinstance(outcome, asyncio.CancelledError)
    else:
        # A session that ends right after a commit is missed by nobody.
        assert outcome is None or (isinstance(outcome, Exception) and is_transient(outcome))
    checkpoint = await desk.checkpoint("orders")
    shown = await desk.connection.fetchval("select coalesce(max(position), 0) from read.orders")
    assert shown <= checkpoint
    assert (outcome is None) == (checkpoint == await desk.log.head())
    await desk.worker(await desk.lease()).catch_up()
    await assert_right(desk)


async def test_crash_after_crash_still_gets_there(desk: Desk) -> None:
    """A worker that is killed at its every eleventh step makes way all the same."""
    await desk.append(History(22), 1_000)
    await desk.runner().install()
    crashes = 0
    while await crash(desk, KillAt(11, desk.dsn)) is not None:
        crashes += 1
    assert crashes > 5
    await assert_right(desk)


async def test_two_workers_with_the_same_lease_project_each_event_once(desk: Desk) -> None:
    """Not even a lease given twice by mistake makes an event count twice."""
    await desk.append(History(23), 800)
    await desk.runner().install()
    lease = await desk.lease()
    racers = [desk.worker(lease, page_size=10) for _ in range(2)]
    outcomes = await asyncio.gather(*(r.catch_up() for r in racers), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes].count(Fenced) == 1
    await assert_right(desk)


async def test_runners_race_while_events_come(desk: Desk) -> None:
    history = History(24)
    async with desk.running(), desk.running(), desk.running(page_size=3):
        for _ in range(30):
            await desk.append(history, 20)
        await desk.caught_up()
    await assert_right(desk)
    for name, projection in BY_NAME.items():
        assert await desk.events_projected(name) == desk.concerning(projection)


async def test_a_standby_takes_over_when_the_lease_runs_out(desk: Desk) -> None:
    await desk.append(History(25), 300)
    await desk.runner().install()
    await desk.lease()  # of a worker that died
    async with desk.running():
        await desk.caught_up("accounts", "order_timeline", "risk")
        assert await desk.checkpoint("orders") == 0
        desk.clock.advance(seconds=60)
        await desk.caught_up("orders")
    await assert_right(desk)


BEFORE_THE_LOCK = (1, 2)
UNDER_THE_LOCK = (3, 4, 5)


@pytest.mark.parametrize("step", [*BEFORE_THE_LOCK, *UNDER_THE_LOCK])
async def test_a_paused_workers_commit_is_refused_or_comes_first(desk: Desk, step: int) -> None:
    """Before it has locked the checkpoint it is refused; after that a successor waits for it."""
    await desk.append(History(26), 40)
    await desk.runner().install()
    hold = HoldAt(step)
    worker = desk.worker(await desk.lease(), pool=stepped(desk.pool, hold), page_size=1_000)
    paused = asyncio.create_task(worker.catch_up())
    await hold.reached.wait()
    desk.clock.advance(seconds=60)
    successor = asyncio.create_task(take_over(desk))
    if step in BEFORE_THE_LOCK:
        await successor
    else:
        while not await desk.is_waiting_for_a_lock():
            await desk.clock.sleep(0.01)
    hold.go_on.set()
    outcome, taken_over = await asyncio.gather(paused, successor, return_exceptions=True)
    # Once it goes on, a worker that was only slow may have renewed its lease by its commit.
    assert taken_over is True or (taken_over is False and step in UNDER_THE_LOCK)
    assert isinstance(outcome, Fenced) or step in UNDER_THE_LOCK
    await assert_right(desk)


async def take_over(desk: Desk) -> bool:
    """Whether the lease could be had."""
    async with desk.pool.acquire() as connection:
        active = await desk.builds.active(connection, "orders")
        assert active is not None
        lease = await desk.builds.acquire(connection, active.build)
    if lease is not None:
        await desk.worker(lease).catch_up()
    return lease is not None


async def test_a_fenced_worker_writes_nothing(desk: Desk) -> None:
    await desk.append(History(27), 200)
    await desk.runner().install()
    old = desk.worker(await desk.lease())
    desk.clock.advance(seconds=60)
    await desk.lease()
    with pytest.raises(Fenced):
        await old.catch_up()
    assert await desk.connection.fetchval("select count(*) from read.orders") == 0
    assert await desk.checkpoint("orders") == 0


async def test_a_worker_whose_lease_is_lost_stops_at_its_next_beat(desk: Desk) -> None:
    await desk.append(History(28), 100)
    async with desk.running([ORDERS]) as runner:
        await desk.caught_up("orders")
        stolen = await desk.connection.fetchrow(
            "update projections.builds set epoch = epoch + 1, lease_until = $1"
            " where state = 'active' returning build, epoch, checkpoint",
            desk.clock.now(),
        )
        assert stolen is not None
        desk.clock.advance(seconds=60)
        # It finds out by itself, and acquires the lease anew under a later epoch.
        while not await desk.connection.fetchval(
            "select epoch > $1 from projections.builds where build = $2",
            stolen["epoch"],
            stolen["build"],
        ):
            await desk.clock.sleep(0.01)
        (status,) = await runner.status()
        assert status.failure is None


async def test_events_that_concern_nobody_move_the_checkpoint_too(desk: Desk) -> None:
    """Or a reader that waits for its position would wait for ever."""
    history = History(29)
    async with desk.running():
        await desk.append(history, 50)
        await desk.caught_up()
        history.deposit()
        await append_all(desk.log, history.taken())
        await desk.caught_up()
    assert await desk.checkpoint("orders") == await desk.log.head()


async def test_catching_up_ends_at_the_head_whatever_stands_there(desk: Desk) -> None:
    await desk.append(History(31), 100)
    desk.log.store.events = [e for e in desk.log.store.events if not ORDERS.concerns(e)]
    await desk.runner().install()
    worker = desk.worker(await desk.lease())
    await worker.catch_up()
    assert worker.checkpoint == await desk.checkpoint("orders") == await desk.log.head()
    assert await desk.events_projected() == 0


def listener(into: list[str]) -> Callable[..., None]:
    def hear(*arguments: object) -> None:
        into.append(str(arguments[-1]))

    return hear


async def test_a_commit_is_announced_with_name_and_position(desk: Desk) -> None:
    await desk.append(History(30), 50)
    await desk.runner().install()
    heard: list[str] = []
    await desk.connection.add_listener("patriot_checkpoint", listener(heard))
    await desk.worker(await desk.lease(), page_size=1_000).catch_up()
    await desk.caught_up("orders")
    last = await desk.log.head()
    assert heard[-1].replace(" ", "") == f'{{"name":"orders","position":{last}}}'


async def test_a_successor_does_not_wait_for_the_leases_of_the_dead(desk: Desk) -> None:
    await desk.append(History(3), 60)
    await desk.runner().install()
    dead = await desk.lease()
    await desk.runner().succeed()
    living = await desk.lease()
    assert living.epoch > dead.epoch
    with pytest.raises(Fenced):
        await desk.worker(dead).catch_up()
    await desk.worker(living).catch_up()
    await assert_right(desk)
