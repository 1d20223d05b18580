"""The system's clock and ids."""

import asyncio
from datetime import UTC, datetime, timedelta

from freezegun import freeze_time

from infra.clock import SystemClock, SystemIds

INSTANT = datetime(2026, 3, 29, 0, 59, 59, 999_999, tzinfo=UTC)


def test_now_is_the_system_time_in_utc_with_microseconds() -> None:
    with freeze_time(INSTANT):
        assert SystemClock().now() == INSTANT
        assert SystemClock().now().utcoffset() == timedelta(0)


def test_now_does_not_know_summer_time() -> None:
    with freeze_time(INSTANT, tz_offset=2) as frozen:
        before = SystemClock().now()
        frozen.tick(timedelta(seconds=1))
        assert SystemClock().now() - before == timedelta(seconds=1)


async def test_sleeping_takes_the_time_that_the_monotonic_clock_shows() -> None:
    clock = SystemClock()
    started = clock.monotonic()
    await clock.sleep(0.02)
    assert clock.monotonic() - started >= 0.019


async def test_a_sleeper_can_be_cancelled() -> None:
    sleeper = asyncio.ensure_future(SystemClock().sleep(3_600))
    await asyncio.sleep(0)
    sleeper.cancel()
    assert isinstance((await asyncio.gather(sleeper, return_exceptions=True))[0], BaseException)


def test_ids_are_fresh() -> None:
    ids = SystemIds()
    assert len({ids.new() for _ in range(1_000)}) == 1_000
