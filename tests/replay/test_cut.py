"""Which position an instant or a number means, against looking at every event."""

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInput
from domain.event import format_time
from replay.cut import parse_as_of, position_of, resolve
from tests.doubles.memory_log import EPOCH, MemoryEventLog
from tests.replay.recorded_logs import Counting, SparseLog, log_recorded_at

NOW = EPOCH + timedelta(days=1)


async def refusal(log: MemoryEventLog, text: str) -> str:
    with pytest.raises(InvalidInput) as caught:
        await resolve(log, text, NOW)
    assert caught.value.field == "as_of"
    with pytest.raises(InvalidInput, match=re.escape(str(caught.value))):
        await position_of(log, text, NOW)
    return caught.value.code


@given(
    gaps=st.lists(st.integers(0, 2), min_size=1, max_size=60),
    second=st.integers(-1, 130),
    kind=st.sampled_from([MemoryEventLog, SparseLog]),
)
async def test_an_instant_is_the_last_position_recorded_by_then(
    gaps: list[int], second: int, kind: type[MemoryEventLog]
) -> None:
    seconds = [sum(gaps[: number + 1]) for number in range(len(gaps))]
    log = await log_recorded_at(seconds, kind)
    instant = EPOCH + timedelta(seconds=second)
    by_then = [number for number, at in enumerate(seconds, 1) if at <= second]
    if not by_then:
        assert await refusal(log, format_time(instant)) == "before_the_first_event"
        return
    cut = await resolve(log, format_time(instant), NOW)
    assert cut.position == by_then[-1] * (10 if kind is SparseLog else 1)
    assert cut.recorded_at == EPOCH + timedelta(seconds=seconds[by_then[-1] - 1])
    assert cut.out_of_order is False


@given(
    seconds=st.lists(st.integers(0, 9), min_size=1, max_size=40),
    second=st.integers(0, 9),
    kind=st.sampled_from([MemoryEventLog, SparseLog]),
)
async def test_times_that_go_back_are_told_and_the_last_position_still_counts(
    seconds: list[int], second: int, kind: type[MemoryEventLog]
) -> None:
    log = await log_recorded_at(seconds, kind)
    by_then = [number for number, at in enumerate(seconds, 1) if at <= second]
    text = format_time(EPOCH + timedelta(seconds=second))
    if not by_then:
        assert await refusal(log, text) == "before_the_first_event"
        return
    cut = await resolve(log, text, NOW)
    assert cut.position == by_then[-1] * (10 if kind is SparseLog else 1)
    assert cut.out_of_order is any(b < a for a, b in pairwise(seconds))


@pytest.mark.parametrize("kind", [MemoryEventLog, SparseLog])
async def test_a_large_log_is_not_read_through(
    kind: type[MemoryEventLog], monkeypatch: pytest.MonkeyPatch
) -> None:
    log = await log_recorded_at(range(20_000), kind)
    counting = Counting(log, monkeypatch)
    step = 10 if kind is SparseLog else 1
    cut = await resolve(log, str(12_346 * step), NOW)
    assert cut.recorded_at == EPOCH + timedelta(seconds=12_345)
    lately = await resolve(log, format_time(EPOCH + timedelta(seconds=19_000)), NOW)
    assert lately.position == 19_001 * step
    assert counting.read < 5_000


async def test_what_is_long_past_is_found_by_halves(monkeypatch: pytest.MonkeyPatch) -> None:
    log = await log_recorded_at(range(20_000), MemoryEventLog)
    counting = Counting(log, monkeypatch)
    cut = await resolve(log, format_time(EPOCH + timedelta(seconds=2_345)), NOW)
    assert cut.position == 2_346
    assert counting.read < 2_000


@pytest.mark.parametrize("kind", [MemoryEventLog, SparseLog])
async def test_a_position_is_itself(kind: type[MemoryEventLog]) -> None:
    log = await log_recorded_at([5, 6, 7], kind)
    last = await log.head()
    cut = await resolve(log, str(last), NOW)
    assert (cut.position, cut.asked_for) == (last, str(last))
    assert await position_of(log, str(last), NOW) == last
    assert cut.recorded_at == EPOCH + timedelta(seconds=7)
    assert await refusal(log, str(last + 1)) == "beyond_the_head"
    assert await refusal(log, "9" * 19) == "beyond_the_head"
    assert await refusal(log, "9" * 40) == "beyond_the_head"
    assert await refusal(log, "0" * 5_000) == "before_the_first_event"
    assert (await resolve(log, f"{'0' * 5_000}{last}", NOW)).position == last
    assert await refusal(log, "0") == "before_the_first_event"


async def test_a_position_between_events_is_none() -> None:
    log = await log_recorded_at([5, 6, 7], SparseLog)
    with pytest.raises(InvalidInput, match="at 10") as caught:
        await resolve(log, "15", NOW)
    assert caught.value.code == "no_such_position"
    assert await refusal(log, "3") == "before_the_first_event"


async def test_nothing_is_in_an_empty_log() -> None:
    log = MemoryEventLog()
    assert await refusal(log, "1") == "before_the_first_event"
    assert await refusal(log, "2026-01-01T00:00:00Z") == "before_the_first_event"


async def test_now_is_not_in_the_future() -> None:
    log = await log_recorded_at([1], MemoryEventLog)
    assert (await resolve(log, format_time(NOW), NOW)).position == 1
    later = format_time(NOW + timedelta(microseconds=1))
    assert await refusal(log, later) == "in_the_future"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("yesterday", "invalid_instant"),
        ("", "invalid_instant"),
        ("-5", "invalid_instant"),
        ("1.5", "invalid_instant"),
        ("٣", "invalid_instant"),
        ("2026-01-01", "invalid_instant"),
        ("2026-02-30T00:00:00Z", "invalid_instant"),
        ("2026-01-01T25:00:00Z", "invalid_instant"),
        ("0001-01-01T00:00:00+01:00", "invalid_instant"),
        ("2026-01-01T00:00:00Z\n", "invalid_instant"),
        ("2026-01-01T00:00:00", "no_time_zone"),
        ("2026-01-01T00:00:00.5", "no_time_zone"),
        ("yesterday" * 1_000, "invalid_instant"),
        ("0" * 100_000 + "x", "invalid_instant"),
        (f"2026-01-01T00:00:00.{'5' * 100_000}", "no_time_zone"),
        ("1" * 20, "beyond_the_head"),
        ("1" * 4_301, "beyond_the_head"),
        ("1" * 100_000, "beyond_the_head"),
    ],
    ids=lambda value: value[:30],
)
def test_what_is_neither(text: str, code: str) -> None:
    """And is told in a line, however long it is."""
    with pytest.raises(InvalidInput) as caught:
        parse_as_of(text)
    assert caught.value.code == code
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T09:30:00.123456Z",
        "2026-01-31t09:30:00.123456999z",
        "2026-01-31 10:30:00.123456+01:00",
        "2026-01-31T04:00:00.123456-05:30",
    ],
)
def test_one_instant_in_many_ways(text: str) -> None:
    assert parse_as_of(text) == datetime(2026, 1, 31, 9, 30, 0, 123456, UTC)
