"""The worker that keeps the time: on a clock that only the test moves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import datetime, timedelta

from domain.account.events import FundsReserved
from domain.event import Event
from domain.log import LogUnavailable
from domain.order.events import OrderPlaced
from domain.policies.agenda import Agenda, Appointment, Cause
from domain.policies.timed_worker import LONGEST_SLEEP, TimedPolicy, TimedWorker
from tests.domain.checkpoints import MemoryCheckpoints
from tests.domain.execution.sent import a_world
from tests.domain.world import NOON, World, a_quote, terms_of, until
from tests.doubles.manual_clock import ManualClock


class Watching:
    """Ten seconds after each reservation, until its order comes; ``again`` postpones every look."""

    name = "watching"
    types = frozenset({"FundsReserved", "OrderPlaced"})

    def __init__(self, clock: ManualClock, again: timedelta | None = None) -> None:
        self.looked_at: list[tuple[str, float]] = []
        self.failures = 0
        self.strikes = False
        self._clock = clock
        self._again = again

    def note(self, event: Event, cause: Cause, agenda: Agenda) -> None:
        match event:
            case FundsReserved():
                due = event.timestamp + timedelta(seconds=10)
                agenda.enter(event.order_id, event.order_id, due, cause)
            case OrderPlaced() if self.strikes:
                agenda.strike(event.originator_id)

    async def look(self, appointment: Appointment) -> datetime | None:
        if self.failures:
            self.failures -= 1
            raise LogUnavailable("gone")
        self.looked_at.append((appointment.subject, self._clock.monotonic()))
        return None if self._again is None else self._clock.now() + self._again


def _conforms(policy: Watching) -> TimedPolicy:
    return policy


@asynccontextmanager
async def running(
    world: World, policy: Watching, clock: ManualClock, checkpoints: MemoryCheckpoints
) -> AsyncIterator[TimedWorker]:
    worker = TimedWorker(policy, world.here.log, checkpoints, clock)
    task = asyncio.create_task(worker.run())
    await worker.caught_up.wait()
    try:
        yield worker
    finally:
        task.cancel()
        await asyncio.wait([task])


async def orders(world: World, account_id: str, *keys: str) -> list[str]:
    world.quotes["BTCUSDT"] = a_quote(at=world.clock.at)
    return [(await world.place(account_id, terms_of(), key)).order_id for key in keys]


async def test_it_looks_when_the_time_has_come_and_not_before() -> None:
    world, account_id = await a_world()
    clock = ManualClock(NOON)
    policy = Watching(clock)
    (first,) = await orders(world, account_id, "1")
    async with running(world, policy, clock, MemoryCheckpoints()) as worker:
        await clock.until_asleep()
        await clock.advance(9.9)
        assert policy.looked_at == []
        await clock.advance(0.1)
        await until(lambda: len(worker.agenda) == 0)
    assert policy.looked_at == [(first, 10.0)]


async def test_an_earlier_appointment_wakes_it() -> None:
    world, account_id = await a_world()
    clock = ManualClock(NOON)
    policy = Watching(clock)
    world.clock.at = NOON + timedelta(seconds=3)
    async with running(world, policy, clock, MemoryCheckpoints()) as worker:
        (late,) = await orders(world, account_id, "late")
        await until(lambda: len(worker.agenda) == 1)
        world.clock.at = NOON
        (early,) = await orders(world, account_id, "early")
        await until(lambda: len(worker.agenda) == 2)
        await clock.until_asleep()
        await clock.advance(10)
        await until(lambda: len(worker.agenda) == 1)
        await clock.until_asleep()
        await clock.advance(3)
        await until(lambda: len(worker.agenda) == 0)
    assert policy.looked_at == [(early, 10.0), (late, 13.0)]


async def test_after_a_restart_what_was_open_is_open() -> None:
    world, account_id = await a_world()
    clock, checkpoints = ManualClock(NOON), MemoryCheckpoints()
    (first,) = await orders(world, account_id, "1")
    async with running(world, Watching(clock), clock, checkpoints) as worker:
        await clock.until_asleep()
        await clock.advance(5)
        world.clock.at += timedelta(seconds=5)
        (second,) = await orders(world, account_id, "2")
        await until(lambda: len(worker.agenda) == 2)
    policy = Watching(clock)
    async with running(world, policy, clock, checkpoints) as worker:
        for left in (1, 0):
            await clock.until_asleep()
            await clock.advance(5)
            await until(lambda left=left: len(worker.agenda) == left)  # type: ignore[misc]
    assert policy.looked_at == [(first, 10.0), (second, 15.0)]


async def test_what_is_over_is_not_read_again() -> None:
    world, account_id = await a_world()
    clock, checkpoints = ManualClock(NOON), MemoryCheckpoints()
    policy = Watching(clock)
    policy.strikes = True
    await orders(world, account_id, *map(str, range(20)))
    async with running(world, policy, clock, checkpoints) as worker:
        assert len(worker.agenda) == 0
        before = checkpoints.positions["watching"]
        assert before == world.store.events[-1].position
        await orders(world, account_id, "soon")
        await until(lambda: worker.position > before)
        assert checkpoints.positions["watching"] == before
        await clock.advance(2)
        await orders(world, account_id, "more")
        await until(lambda: checkpoints.positions["watching"] > before)


async def test_nothing_is_done_before_the_whole_log_is_heard() -> None:
    """What was due while nobody watched may have been done then."""
    world, account_id = await a_world()
    clock = ManualClock(NOON + timedelta(hours=1))
    policy = Watching(clock)
    policy.strikes = True
    await orders(world, account_id, "1", "2")
    subscribe = world.here.log.subscribe

    async def slowly(**options):  # type: ignore[no-untyped-def]  # as the port
        async with aclosing(subscribe(**options, page_size=1)) as pages:
            async for page in pages:
                yield page
                for _ in range(5):
                    await asyncio.sleep(0)

    world.here.log.subscribe = slowly  # type: ignore[method-assign]
    async with running(world, policy, clock, MemoryCheckpoints()):
        await asyncio.sleep(0)
    assert policy.looked_at == []


async def test_a_log_that_does_not_answer_is_asked_again() -> None:
    world, account_id = await a_world()
    clock = ManualClock(NOON + timedelta(hours=1))
    policy = Watching(clock)
    policy.failures = 3
    (first,) = await orders(world, account_id, "1")
    async with running(world, policy, clock, MemoryCheckpoints()) as worker:
        await clock.until_asleep()
        await clock.advance(1)
        await until(lambda: len(worker.agenda) == 0)
    assert [order_id for order_id, _ in policy.looked_at] == [first]
    assert policy.failures == 0


async def test_what_is_not_over_is_looked_at_again() -> None:
    world, account_id = await a_world()
    clock = ManualClock(NOON)
    policy = Watching(clock, again=timedelta(seconds=7))
    await orders(world, account_id, "1")
    async with running(world, policy, clock, MemoryCheckpoints()) as worker:
        for _ in range(3):
            looks = len(policy.looked_at)
            await clock.until_asleep()
            await clock.advance(10 if looks == 0 else 7)
            await until(lambda before=looks: len(policy.looked_at) > before)  # type: ignore[misc]
        assert len(worker.agenda) == 1
    assert [at for _, at in policy.looked_at] == [10.0, 17.0, 24.0]


async def test_a_clock_that_is_set_forward_is_noticed() -> None:
    world, account_id = await a_world()
    clock = ManualClock(NOON)
    policy = Watching(clock)
    world.clock.at = NOON + timedelta(days=1)
    await orders(world, account_id, "1")
    async with running(world, policy, clock, MemoryCheckpoints()) as worker:
        await clock.until_asleep()
        clock._start += timedelta(days=2)
        await clock.advance(LONGEST_SLEEP)
        await until(lambda: len(worker.agenda) == 0)
    assert len(policy.looked_at) == 1
