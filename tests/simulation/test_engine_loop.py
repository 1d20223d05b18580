"""The loop: virtual time, drawn order, and ends that are found."""

import asyncio
import time
from collections.abc import AsyncGenerator

import pytest

from tests.simulation.engine.run import Outcome, Scenario, run_seed
from tests.simulation.engine.simulation import Simulation
from tests.simulation.engine.violation import Violation

DAY = 24 * 3600.0


def violation_of(scenario: Scenario, seed: int = 1) -> str:
    outcome = run_seed(seed, scenario, max_steps=10_000)
    assert outcome.violation is not None
    return outcome.violation


def passed(scenario: Scenario, seed: int = 1) -> Outcome:
    outcome = run_seed(seed, scenario)
    assert outcome.violation is None
    return outcome


def test_a_day_passes_at_once() -> None:
    async def scenario(simulation: Simulation) -> None:
        began = simulation.clock.now()
        await simulation.clock.sleep(DAY)
        assert (simulation.clock.now() - began).total_seconds() == pytest.approx(DAY)

    began = time.monotonic()
    assert passed(scenario).virtual_seconds == pytest.approx(DAY)
    assert time.monotonic() - began < 5


def test_sleepers_wake_in_the_order_of_their_times() -> None:
    woken: list[float] = []

    async def sleeper(seconds: float) -> None:
        await asyncio.sleep(seconds)
        woken.append(seconds)

    async def scenario(_simulation: Simulation) -> None:
        async with asyncio.TaskGroup() as group:
            for seconds in (3.0, 1.0, 2.0):
                group.create_task(sleeper(seconds))

    passed(scenario)
    assert woken == [1.0, 2.0, 3.0]


def test_timeouts_are_virtual() -> None:
    async def scenario(simulation: Simulation) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await asyncio.Event().wait()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 60)
        assert simulation.clock.monotonic() == pytest.approx(120, abs=0.1)

    passed(scenario)


def test_what_is_ready_at_once_runs_in_any_order_and_a_seed_always_in_the_same() -> None:
    def order(seed: int) -> str:
        ran: list[str] = []

        async def say(word: str) -> None:
            ran.append(word)

        async def scenario(_simulation: Simulation) -> None:
            async with asyncio.TaskGroup() as group:
                for word in "abc":
                    group.create_task(say(word))

        passed(scenario, seed)
        return "".join(ran)

    assert {order(seed) for seed in range(60)} == {"abc", "acb", "bac", "bca", "cab", "cba"}
    assert [order(seed) for seed in range(20)] == [order(seed) for seed in range(20)]


def test_a_group_cancels_its_tasks_in_an_order_that_is_the_seed_s() -> None:
    """asyncio keeps them in a set: by their addresses, it would be another order every time."""
    kept: list[object] = []

    def order() -> list[int]:
        cancelled: list[int] = []

        async def wait(number: int) -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(number)
                raise

        async def fail() -> None:
            await asyncio.sleep(1)
            raise ValueError

        async def together() -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(fail())
                kept.extend(group.create_task(wait(number)) for number in range(20))

        async def scenario(_simulation: Simulation) -> None:
            with pytest.raises(ExceptionGroup):
                await together()

        passed(scenario)
        kept.append(bytearray(len(kept) * 100))
        return cancelled

    first = order()
    assert sorted(first) == list(range(20))
    assert all(order() == first for _ in range(10))


def test_a_deadlock_is_found_and_says_where_everything_waits() -> None:
    async def locked(lock: asyncio.Lock) -> None:
        async with lock:
            await asyncio.Event().wait()

    async def scenario(simulation: Simulation) -> None:
        lock = asyncio.Lock()
        simulation.spawn("holder", lambda: locked(lock))
        simulation.spawn("waiter", lambda: locked(lock))
        await simulation.processes["holder"].ended()

    told = violation_of(scenario)
    assert told.startswith("deadlock")
    assert "holder · main · tests/simulation/test_engine_loop.py" in told
    assert "waiter · main · tests/simulation/test_engine_loop.py" in told
    assert "world · scenario · " in told


def test_a_task_that_never_rests_is_found() -> None:
    async def scenario(_simulation: Simulation) -> None:
        while True:  # noqa: ASYNC110  # the point
            await asyncio.sleep(0)

    assert violation_of(scenario).startswith("no end after 10,001 steps")


def test_a_task_that_waits_for_ever_with_a_timer_is_found() -> None:
    async def scenario(_simulation: Simulation) -> None:
        while True:  # noqa: ASYNC110  # the point
            await asyncio.sleep(DAY)

    assert violation_of(scenario).startswith("no end after")


def test_a_violation_counts_whoever_catches_it() -> None:
    async def scenario(_simulation: Simulation) -> None:
        try:
            raise Violation("seen")
        except BaseException:  # noqa: BLE001  # what it must survive
            await asyncio.sleep(DAY)

    outcome = run_seed(1, scenario)
    assert outcome.violation == "seen"
    assert outcome.virtual_seconds < 1


def test_an_error_of_the_scenario_says_where() -> None:
    async def scenario(simulation: Simulation) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail(simulation))

    async def fail(_simulation: Simulation) -> None:
        raise ValueError("broken")

    told = violation_of(scenario)
    assert told.startswith("the scenario broke\n  at tests/simulation/test_engine_loop.py:")
    assert told.endswith("fail\nValueError: broken")


def test_an_error_that_nobody_takes_is_a_violation() -> None:
    async def fail() -> None:
        raise ValueError("lost")

    async def scenario(_simulation: Simulation) -> None:
        task = asyncio.create_task(fail())
        await asyncio.sleep(1)
        del task
        await asyncio.sleep(1)

    told = violation_of(scenario)
    assert "never retrieved" in told
    assert "ValueError: lost" in told


def test_threads_are_refused() -> None:
    async def scenario(_simulation: Simulation) -> None:
        with pytest.raises(RuntimeError, match="no threads"):
            await asyncio.to_thread(int)
        with pytest.raises(RuntimeError, match="no threads"):
            asyncio.get_running_loop().call_soon_threadsafe(int)

    passed(scenario)


def test_an_unclosed_generator_is_closed_as_by_any_loop() -> None:
    closed: list[bool] = []

    async def numbers() -> AsyncGenerator[int]:
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            closed.append(True)

    async def scenario(_simulation: Simulation) -> None:
        async for _number in numbers():
            break
        await asyncio.sleep(1)

    passed(scenario)
    assert closed == [True]


async def test_it_does_not_run_inside_another_loop() -> None:
    async def scenario(_simulation: Simulation) -> None: ...

    with pytest.raises(RuntimeError, match="inside another loop"):
        run_seed(1, scenario)
    assert asyncio.get_running_loop()
