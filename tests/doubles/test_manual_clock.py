"""The clock of tests keeps the promises of the port."""

import asyncio
from datetime import timedelta

import pytest

from domain.clock import Clock, Ids
from infra.clock import SystemClock, SystemIds
from tests.doubles.manual_clock import START, CountingIds, ManualClock


async def test_sleepers_wake_in_order_at_their_own_time() -> None:
    clock: Clock = (manual := ManualClock())
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, *seconds: float) -> None:
        for pause in seconds:
            await clock.sleep(pause)
            woken.append((name, clock.monotonic()))

    async with asyncio.TaskGroup() as group:
        group.create_task(sleeper("late", 5.0))
        group.create_task(sleeper("often", 2.0, 2.0, 2.0))
        await manual.until_asleep()
        await asyncio.sleep(0)
        await manual.advance(5.5)
        assert woken == [("often", 2.0), ("often", 4.0), ("late", 5.0)]
        await manual.advance(0.5)
    assert woken[-1] == ("often", 6.0)
    assert clock.now() == START + timedelta(seconds=6)


async def test_a_cancelled_sleeper_is_forgotten() -> None:
    clock = ManualClock()
    task = asyncio.create_task(clock.sleep(1))
    await clock.until_asleep()
    task.cancel()
    await clock.advance(2)
    with pytest.raises(asyncio.CancelledError):
        await task


def test_ids_differ() -> None:
    for ids in (CountingIds(), SystemIds()):
        port: Ids = ids
        assert len({port.new() for _ in range(100)}) == 100


async def test_system_time_is_aware_and_passes() -> None:
    clock: Clock = SystemClock()
    before, started = clock.now(), clock.monotonic()
    await clock.sleep(0.001)
    assert clock.now().utcoffset() == timedelta(0)
    assert clock.now() > before
    assert clock.monotonic() > started
