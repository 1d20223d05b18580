"""At no instant do two hold, whatever is paused, delayed or lost, and however clocks differ."""

import asyncio
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import cycle
from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from infra.workers.leadership import Candidate, Leadership, LeadershipLost, held
from infra.workers.lease_table import LEASE_SECONDS, LeaseRow, LeaseTableAway
from infra.workers.postgres_leases import ANSWER_SECONDS
from infra.workers.process_identity import ProcessIdentity
from tests.doubles.manual_clock import ManualClock
from tests.infra.workers.memory_leases import MemoryLeases

ROLE = "execution"
TICK = 0.1
TURNS = 12
FAULTY_SECONDS = 40.0
HEALED_SECONDS = LEASE_SECONDS * 4

Answer = TypeVar("Answer")
Delay = tuple[float, float]
"""Seconds that a request takes, and its answer."""


class OwnClock:
    """A machine's clock: it has its own speed, and goes on while the process is paused."""

    def __init__(self, world: ManualClock, speed: float) -> None:
        self._world = world
        self._speed = speed
        self._running = asyncio.Event()
        self._running.set()

    def now(self) -> datetime:
        return self._world.now()

    def monotonic(self) -> float:
        return self._world.monotonic() * self._speed

    async def sleep(self, seconds: float) -> None:
        await self._world.sleep(seconds / self._speed)
        await self._running.wait()

    async def pause(self, seconds: float) -> None:
        self._running.clear()
        await self._world.sleep(seconds)
        self.resume()

    def resume(self) -> None:
        self._running.set()

    async def until_running(self) -> None:
        await self._running.wait()


class FarLeases:
    """The table behind a network: what it is asked takes its time, and is done even if nobody
    waits for the answer any more."""

    def __init__(
        self, table: MemoryLeases, world: ManualClock, own: OwnClock, delays: Iterator[Delay]
    ) -> None:
        self._table = table
        self._world = world
        self._own = own
        self._delays = delays
        self.under_way: set[asyncio.Task[object]] = set()

    async def read(self, role: str) -> LeaseRow:
        return await self._ask(self._table.read(role))

    async def take(self, role: str, seen: LeaseRow, holder: str, above: int) -> int | None:
        return await self._ask(self._table.take(role, seen, holder, above))

    async def renew(self, role: str, epoch: int) -> bool:
        return await self._ask(self._table.renew(role, epoch))

    async def release(self, role: str, epoch: int) -> None:
        await self._ask(self._table.release(role, epoch))

    async def _ask(self, question: Awaitable[Answer]) -> Answer:
        request, answer = next(self._delays)

        async def carry() -> Answer:
            await self._world.sleep(request)
            return await question

        carried = asyncio.ensure_future(carry())
        self.under_way.add(carried)
        carried.add_done_callback(self.under_way.discard)
        await self._own.sleep(min(request + answer, ANSWER_SECONDS))
        if request + answer >= ANSWER_SECONDS:
            raise LeaseTableAway("no answer in time")
        return await asyncio.shield(carried)


class Instance:
    """Leads whenever it can; now and then it ends its lead by itself."""

    def __init__(self, world: ManualClock, table: MemoryLeases, plan: "Plan") -> None:
        self.clock = OwnClock(world, plan.speed)
        self._delays = plan.delays
        self._healed = False
        self._table = FarLeases(table, world, self.clock, self._next_delays())
        self._rests = cycle(plan.leads_for)
        self._leading: Leadership | None = None
        self.epochs: list[int] = []

    @property
    def holds(self) -> bool:
        return self._leading is not None and self._leading.holds()

    def heal(self) -> None:
        self._healed = True
        self.clock.resume()

    async def run(self) -> None:
        me = ProcessIdentity(pid=id(self))
        while True:
            candidate = Candidate(self._table, ROLE, self.clock, me)
            async with held(candidate) as self._leading:
                self.epochs.append(self._leading.epoch)
                with suppress(LeadershipLost, TimeoutError):
                    await self._lead(self._leading)
            await self.clock.until_running()

    async def _lead(self, leading: Leadership) -> None:
        watching = asyncio.ensure_future(leading.watch())
        resting = asyncio.ensure_future(self.clock.sleep(next(self._rests)))
        await asyncio.wait([watching, resting], return_when=asyncio.FIRST_COMPLETED)
        resting.cancel()
        if self._healed or watching.done():
            await watching
        watching.cancel()

    def _next_delays(self) -> Iterator[Delay]:
        for delay in cycle(self._delays):
            yield (0.01, 0.01) if self._healed else delay


class Plan:
    """What befalls one instance."""

    def __init__(
        self,
        speed: float,
        delays: Sequence[Delay],
        leads_for: Sequence[float],
        pauses: Sequence[tuple[float, float]],
    ) -> None:
        self.speed = speed
        self.delays = delays
        self.leads_for = leads_for
        self.pauses = pauses

    def __repr__(self) -> str:
        return f"Plan({self.speed}, {self.delays}, {self.leads_for}, {self.pauses})"


short = st.floats(0, 0.3)
delays = st.lists(
    st.tuples(short, short) | st.tuples(st.floats(0, 9), st.floats(0, 9)), min_size=1, max_size=12
)
plans = st.builds(
    Plan,
    speed=st.floats(0.95, 1.05),
    delays=delays,
    leads_for=st.lists(st.floats(0.5, 30), min_size=1, max_size=4),
    pauses=st.lists(st.tuples(st.floats(0, 12), st.floats(0, 12)), max_size=5),
)


async def _pauses(instance: Instance, world: ManualClock, plan: Plan) -> None:
    for after, seconds in plan.pauses:
        await world.sleep(after)
        await instance.clock.pause(seconds)


async def _check(plan: Sequence[Plan]) -> list[Instance]:
    world = ManualClock()
    table = MemoryLeases(world)
    instances = [Instance(world, table, each) for each in plan]
    tasks = [asyncio.ensure_future(each.run()) for each in instances]
    pauses = [
        asyncio.ensure_future(_pauses(instance, world, each))
        for instance, each in zip(instances, plan, strict=True)
    ]
    try:
        await _pass(world, FAULTY_SECONDS, instances)
        for instance, pause in zip(instances, pauses, strict=True):
            pause.cancel()
            instance.heal()
        await _pass(world, HEALED_SECONDS, instances)
        assert [instance.holds for instance in instances].count(True) == 1
    finally:
        for task in tasks:
            task.cancel()
        gathered = asyncio.gather(*tasks, return_exceptions=True)
        while not gathered.done():
            await world.advance(1)
            await _settle()
    return instances


async def _pass(world: ManualClock, seconds: float, instances: Sequence[Instance]) -> None:
    end = world.monotonic() + seconds
    while world.monotonic() < end:
        await world.advance(TICK)
        await _settle()
        holders = [instance for instance in instances if instance.holds]
        assert len(holders) <= 1, f"two hold at {world.monotonic()}"


async def _settle() -> None:
    """Everybody does what can be done without time passing."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


@settings(max_examples=200)
@given(st.lists(plans, min_size=2, max_size=3))
def test_at_no_instant_do_two_hold(plan: list[Plan]) -> None:
    instances = asyncio.run(_check(plan))
    epochs = [epoch for instance in instances for epoch in instance.epochs]
    assert len(epochs) == len(set(epochs))
    assert all(instance.epochs == sorted(instance.epochs) for instance in instances)
