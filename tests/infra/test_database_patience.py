"""What passes by itself is waited for; what does not, and a cancellation, end the waiting."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import pytest
from structlog.testing import capture_logs

from infra.database_patience import LONGEST_PAUSE, until_answered
from tests.doubles.manual_clock import ManualClock

AWAY = [OSError(), TimeoutError(), asyncpg.CannotConnectNowError(), asyncpg.DiskFullError("x")]


def answers(*outcomes: Exception | int) -> Callable[[], Awaitable[int]]:
    left = list(outcomes)

    async def ask() -> int:
        outcome = left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return ask


async def _answered(clock: ManualClock, ask: Callable[[], Awaitable[int]]) -> int:
    asking = asyncio.ensure_future(until_answered(clock, "a test", ask))
    for _ in range(100):
        await clock.advance(LONGEST_PAUSE)
        await asyncio.sleep(0)
    assert asking.done()
    return asking.result()


async def test_an_answer_at_once_waits_for_nothing() -> None:
    with capture_logs() as lines:
        assert await until_answered(ManualClock(), "a test", answers(7)) == 7
    assert lines == []


async def test_it_asks_until_there_is_an_answer_and_says_so_once() -> None:
    with capture_logs() as lines:
        assert await _answered(ManualClock(), answers(*AWAY, *AWAY, 7)) == 7
    assert [line["event"] for line in lines] == ["database_away", "database_back"]
    assert {line["waiting"] for line in lines} == {"a test"}


@pytest.mark.parametrize(
    "fault",
    [asyncpg.UndefinedTableError("none"), ValueError("wrong")],
)
async def test_what_does_not_pass_is_raised(fault: Exception) -> None:
    with pytest.raises(type(fault)):
        await _answered(ManualClock(), answers(OSError(), fault, 7))


async def test_who_waits_can_be_cancelled() -> None:
    clock = ManualClock()
    asking = asyncio.ensure_future(until_answered(clock, "a test", answers(*AWAY, *AWAY)))
    await clock.until_asleep()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
