"""The log that fails: each fault as its port allows, and what is read always right."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.log import (
    CaughtUp,
    EventFilter,
    LogFailed,
    LogUnavailable,
    NewEvent,
    RecordedEvent,
    WrongExpectedVersion,
)
from tests.simulation.engine.faults import ENGINE_FAULTS
from tests.simulation.engine.faulty_log import FaultyLog
from tests.simulation.engine.rates import FaultRates, Weather
from tests.simulation.engine.run import Outcome, run_seed
from tests.simulation.engine.simulation import Simulation

HEALTHY = FaultRates(latency_seconds=0.001)

Play = Callable[[Simulation, FaultyLog], Awaitable[None]]


def play(act: Play, rates: FaultRates = HEALTHY, seed: int = 1) -> Outcome:
    async def scenario(simulation: Simulation) -> None:
        await act(simulation, simulation.log("core"))

    outcome = run_seed(seed, scenario, rates=rates)
    assert outcome.violation is None
    return outcome


def with_rates(**rates: float) -> FaultRates:
    return msgspec.structs.replace(HEALTHY, **rates)


def new(simulation: Simulation, kind: str = "Happened") -> NewEvent:
    return NewEvent(simulation.ids.new(), kind, b"{}", b"{}")


async def fill(simulation: Simulation, count: int) -> None:
    """Straight into the store."""
    for number in range(count):
        stream = f"{('order', 'account')[number % 2]}-1"
        versions = simulation.log_store.streams.get(stream, [])
        simulation.log_store.append(stream, [new(simulation)], len(versions))


def test_a_healthy_log_is_a_log() -> None:
    async def act(simulation: Simulation, log: FaultyLog) -> None:
        first, second = new(simulation), new(simulation)
        appended = await log.append("order-1", [first], expected_version=0)
        assert (appended.position, appended.version) == (1, 1)
        assert await log.append("order-1", [first], expected_version=0) == appended
        with pytest.raises(WrongExpectedVersion):
            await log.append("order-1", [second], expected_version=0)
        with pytest.raises(LogFailed):
            await log.append("order-2", [first], expected_version=0)
        with pytest.raises(ValueError, match="at least one"):
            await log.append("order-1", [], expected_version=1)
        assert await log.head() == 1
        assert simulation.log_store.events[0].recorded_at <= simulation.clock.now()

    assert set(play(act).faults) == set()


def test_a_lost_answer_reaches_the_caller_and_the_event_the_log() -> None:
    async def act(simulation: Simulation, log: FaultyLog) -> None:
        event = new(simulation)
        with pytest.raises(LogUnavailable):
            await log.append("order-1", [event], expected_version=0)
        assert [stored.id for stored in simulation.log_store.events] == [event.id]
        simulation.heal()
        assert (await log.append("order-1", [event], expected_version=0)).position == 1

    assert play(act, with_rates(answer_lost=1.0)).faults["log/answer_lost"] == 1


def test_a_refused_append_is_never_in_the_log() -> None:
    async def act(simulation: Simulation, log: FaultyLog) -> None:
        with pytest.raises(LogUnavailable):
            await log.append("order-1", [new(simulation)], expected_version=0)
        await simulation.clock.sleep(60)
        assert simulation.log_store.events == []

    assert play(act, with_rates(append_refused=1.0)).faults["log/append_refused"] == 1


def test_a_late_append_comes_after_its_answer() -> None:
    async def act(simulation: Simulation, log: FaultyLog) -> None:
        with pytest.raises(LogUnavailable):
            await log.append("order-1", [new(simulation)], expected_version=0)
        assert simulation.log_store.events == []
        await simulation.clock.sleep(60)
        assert len(simulation.log_store.events) == 1

    assert play(act, with_rates(append_late=1.0)).faults["log/append_late"] == 1


def test_a_slow_append_comes_and_says_so() -> None:
    async def act(simulation: Simulation, log: FaultyLog) -> None:
        await log.append("order-1", [new(simulation)], expected_version=0)
        assert simulation.clock.monotonic() > 0.1

    assert play(act, with_rates(append_slow=1.0, slow_seconds=10)).faults["log/append_slow"] == 1


def test_a_cancelled_append_may_still_arrive() -> None:
    async def act(simulation: Simulation, log: FaultyLog) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await log.append("order-1", [new(simulation)], expected_version=0)
        await simulation.clock.sleep(60)
        assert len(simulation.log_store.events) == 1

    outcome = play(act, with_rates(append_slow=1.0, slow_seconds=10))
    assert outcome.faults["log/answer_unheard"] == 1


def test_reads_fail_before_and_between_pages() -> None:
    failed_after: set[int] = set()

    async def act(simulation: Simulation, log: FaultyLog) -> None:
        await fill(simulation, 6)
        read: list[RecordedEvent] = []
        with suppress(LogUnavailable):
            async for page in log.read_all(page_size=2):
                read += page
        assert read == simulation.log_store.events[: len(read)]
        failed_after.add(len(read))

    for seed in range(40):
        play(act, with_rates(read_failed=0.3), seed)
    assert failed_after == {0, 2, 4, 6}


def test_pages_are_cut_at_random_and_whole_together() -> None:
    sizes: set[tuple[int, ...]] = set()

    async def act(simulation: Simulation, log: FaultyLog) -> None:
        await fill(simulation, 8)
        pages = [page async for page in log.read_stream("order-1", page_size=3)]
        assert [event for page in pages for event in page] == simulation.log_store.streams[
            "order-1"
        ]
        sizes.add(tuple(map(len, pages)))

    for seed in range(40):
        play(act, with_rates(pages_cut=0.5), seed)
    assert {(3, 1), (1, 2, 1), (2, 1, 1), (1, 1, 1, 1)} == sizes


def test_an_old_answer_may_be_overtaken() -> None:
    overtaken: list[bool] = []

    async def act(simulation: Simulation, log: FaultyLog) -> None:
        known = 0
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(log.head())
            while not reading.done():
                known = len(simulation.log_store.events)
                await fill(simulation, 1)
                await asyncio.sleep(0.0001)
        overtaken.append(reading.result() < known)

    for seed in range(20):
        play(act, seed=seed)
    assert True in overtaken


def test_an_outage_stops_everything_and_ends() -> None:
    async def act(simulation: Simulation, log: FaultyLog) -> None:
        down = 0
        while simulation.clock.monotonic() < 600:
            try:
                await log.head()
            except LogUnavailable:
                down += 1
            with suppress(LogUnavailable):
                await log.append(
                    f"order-{simulation.ids.new()}", [new(simulation)], expected_version=0
                )
            await simulation.clock.sleep(1)
        assert 20 < down < 580
        simulation.heal()
        await log.head()

    outcome = play(act, with_rates(outages_per_second=0.05, outage_seconds=20))
    assert outcome.faults["log/outage"] > 20


@given(seed=st.integers(0, 10_000))
def test_a_subscription_loses_repeats_and_reorders_nothing(seed: int) -> None:
    only = EventFilter(categories=frozenset({"order"}))

    async def act(simulation: Simulation, log: FaultyLog) -> None:
        seen: list[RecordedEvent] = []
        caught_up_at: list[int] = []

        async def follow() -> None:
            async with aclosing(log.subscribe(only=only, page_size=3)) as news:
                async for page in news:
                    if isinstance(page, CaughtUp):
                        caught_up_at.append(len(seen))
                    else:
                        assert 0 < len(page) <= 3
                        seen.extend(page)

        simulation.spawn("reader", follow)
        for _ in range(10):
            await fill(simulation, simulation.dice.randrange(5))
            await simulation.clock.sleep(simulation.dice.random())
        simulation.heal()
        wanted = simulation.log_store.streams.get("order-1", [])
        await simulation.until(lambda: len(seen) == len(wanted), within=60, what="all delivered")
        await simulation.clock.sleep(60)
        assert seen == wanted
        assert caught_up_at[-1] == len(wanted)

    play(act, FaultRates.draw(Random(seed), Weather.STORM), seed)


def test_a_closed_log_ends_its_subscriptions_and_answers_no_more() -> None:
    async def act(simulation: Simulation, log: FaultyLog) -> None:
        async def follow() -> Sequence[object]:
            return [page async for page in log.subscribe()]

        async with asyncio.TaskGroup() as group:
            following = group.create_task(follow())
            await simulation.clock.sleep(1)
            await log.close()
        assert following.result() == [CaughtUp()]
        with pytest.raises(LogFailed):
            await log.append("order-1", [new(simulation)], expected_version=0)
        with pytest.raises(LogFailed):
            await log.head()

    play(act)


def test_every_fault_of_the_log_is_declared() -> None:
    async def act(simulation: Simulation, log: FaultyLog) -> None:
        async def follow() -> None:
            async for _page in log.subscribe():
                pass

        simulation.spawn("reader", follow)
        view = simulation.clock.view("core")
        for number in range(300):
            with suppress(LogUnavailable, TimeoutError):
                async with asyncio.timeout(1):
                    await log.append(f"order-{number}", [new(simulation)], expected_version=0)
                    await log.head()
            view.now()
            await simulation.clock.sleep(0.2)
        simulation.processes["reader"].pause()
        simulation.processes["reader"].restart()

    met: set[str] = set()
    for seed in range(10):
        met |= set(play(act, FaultRates.draw(Random(seed), Weather.STORM), seed).faults)
    assert met == ENGINE_FAULTS


def test_clocks_differ_in_what_they_show_and_agree_on_how_long_it_took() -> None:
    rates = with_rates(clock_skewed=1.0, clock_steps_per_second=0.1, clock_offset_seconds=30.0)

    async def act(simulation: Simulation, _log: FaultyLog) -> None:
        one, two = simulation.clock.view("one"), simulation.clock.view("two")
        assert simulation.clock.view("one") is one
        assert one.now() != two.now()
        assert one.monotonic() != two.monotonic()
        offsets: set[float] = set()
        before = one.monotonic()
        for _ in range(100):
            await one.sleep(1)
            offsets.add(round((one.now() - simulation.clock.now()).total_seconds(), 6))
            assert one.monotonic() - before == pytest.approx(1, abs=0.001)
            before = one.monotonic()
        assert len(offsets) > 4
        assert min(offsets) < 0 < max(offsets)
        one.step(-3600)
        assert (simulation.clock.now() - one.now()).total_seconds() > 3000
        simulation.heal()
        assert one.now() == two.now() == simulation.clock.now()

    assert play(act, rates).faults["clock/stepped"] > 4
