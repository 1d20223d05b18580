"""Which position an instant or a number means, against looking at every event."""

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Never

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import InvalidInput
from domain.event import format_time
from domain.log import LogFailed
from replay import passage
from replay.cut import AROUND, parse_as_of, position_of, resolve
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


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a small log has many."""
    monkeypatch.setattr(passage, "PAGE", 4)


@pytest.mark.usefixtures("small_pages")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    gaps=st.lists(st.integers(0, 2), min_size=1, max_size=60),
    second=st.integers(-1, 130),
    kind=st.sampled_from([MemoryEventLog, SparseLog]),
    streams=st.sampled_from([1, 3, 60]),
)
async def test_an_instant_is_the_last_position_recorded_by_then(
    gaps: list[int], second: int, kind: type[MemoryEventLog], streams: int
) -> None:
    seconds = [sum(gaps[: number + 1]) for number in range(len(gaps))]
    log = await log_recorded_at(seconds, kind, streams)
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
async def test_times_that_go_back_within_reach_are_told(kind: type[MemoryEventLog]) -> None:
    """Around a cut at a position, AROUND events on either side are looked at."""
    log = await log_recorded_at([*range(2_000), *range(1_700, 4_000)], kind)
    step = 10 if kind is SparseLog else 1
    for position, is_told in (
        (2_000 - AROUND, False),
        (2_001 - AROUND, True),
        (2_000, True),
        (2_001, True),
        (1_999 + AROUND, True),
        (2_000 + AROUND, False),
        (4_000, False),
    ):
        cut = await resolve(log, str(position * step), NOW)
        assert cut.out_of_order is is_told, position


async def test_where_times_go_back_far_an_instant_is_a_place_where_they_pass_it() -> None:
    """In a log of one stream the same, whichever way it is searched for."""
    seconds = [*range(11_000), *range(6_000, 16_000)]
    dense = await log_recorded_at(seconds, MemoryEventLog)
    sparse = SparseLog(dense.store)
    for second in (5_999, 6_000, 8_000, 10_999, 11_000, 15_000):
        text = format_time(EPOCH + timedelta(seconds=second))
        cut = await resolve(dense, text, NOW)
        assert await position_of(dense, text, NOW) == cut.position
        assert cut.recorded_at == EPOCH + timedelta(seconds=second)
        assert min(seconds[cut.position : cut.position + AROUND]) > second
        assert await position_of(sparse, text, NOW) == 10 * cut.position


async def test_times_that_go_back_far_off_are_told_where_the_search_comes_by() -> None:
    log = await log_recorded_at([*range(11_000), *range(6_000, 11_000)], MemoryEventLog)
    cut = await resolve(log, format_time(EPOCH + timedelta(seconds=8_000)), NOW)
    assert (cut.position, cut.out_of_order) == (13_001, True)


@pytest.mark.parametrize("kind", [MemoryEventLog, SparseLog])
@pytest.mark.parametrize("streams", [1, 50])
async def test_a_large_log_is_not_read_through(
    kind: type[MemoryEventLog], streams: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = await log_recorded_at(range(20_000), kind, streams)
    step = 10 if kind is SparseLog else 1
    for second in (10, 2_345, 12_000, 19_000, 19_990):
        counting = Counting(log, monkeypatch)
        cut = await resolve(log, format_time(EPOCH + timedelta(seconds=second)), NOW)
        assert cut.position == (second + 1) * step
        assert await position_of(log, str(cut.position), NOW) == cut.position
        assert counting.read < 6 * AROUND
        assert counting.reads < 40
        monkeypatch.undo()


async def test_a_position_between_events_is_found_without_reading_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = await log_recorded_at(range(9_000), SparseLog, streams=50)
    counting = Counting(log, monkeypatch)
    with pytest.raises(InvalidInput, match="at 23450"):
        await position_of(log, "23456", NOW)
    assert counting.read < 4 * AROUND
    assert counting.reads < 40


async def test_a_log_that_fails_is_not_taken_for_one_without_the_event(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = await log_recorded_at(range(20), MemoryEventLog)

    def read_back(**_: object) -> Never:
        raise LogFailed("a disk is broken")

    monkeypatch.setattr(log, "read_back", read_back)
    with pytest.raises(LogFailed, match="a disk is broken"):
        await resolve(log, "5", NOW)


async def test_a_log_of_short_streams_is_read_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no other way where positions are offsets."""
    log = await log_recorded_at(range(6_000), SparseLog, streams=6_000)
    counting = Counting(log, monkeypatch)
    cut = await resolve(log, format_time(EPOCH + timedelta(seconds=3_000)), NOW)
    assert cut.position == 30_010
    assert counting.read < 5_000


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
