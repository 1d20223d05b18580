"""Which decisions a window holds, and what is no window."""

from datetime import timedelta

import pytest

from domain.errors import InvalidInput
from domain.event import format_time
from domain.log import START
from replay.decisions.window import Window, window
from tests.doubles.memory_log import EPOCH, MemoryEventLog
from tests.replay.recorded_logs import SparseLog, log_recorded_at

NOW = EPOCH + timedelta(days=1)


def at(second: int) -> str:
    return format_time(EPOCH + timedelta(seconds=second))


async def test_positions_and_instants() -> None:
    log = await log_recorded_at([5, 6, 7], SparseLog)
    assert await window(log, None, None, NOW) == Window(None, 30)
    assert await window(log, "20", None, NOW) == Window(20, 30)
    assert await window(log, "20", "20", NOW) == Window(20, 20)
    assert await window(log, at(1), at(6), NOW) == Window(EPOCH + timedelta(seconds=1), 20)
    assert await window(MemoryEventLog(), None, None, NOW) == Window(None, START)


@pytest.mark.parametrize(
    ("since", "until", "code", "field"),
    [
        ("0", None, "before_the_first_event", "from"),
        ("3", None, "before_the_first_event", "from"),
        ("15", None, "no_such_position", "from"),
        ("31", None, "beyond_the_head", "from"),
        ("999999999", "30", "beyond_the_head", "from"),
        ("9" * 40, None, "beyond_the_head", "from"),
        ("yesterday", None, "invalid_instant", "from"),
        ("2999-01-01T00:00:00Z", None, "in_the_future", "from"),
        (None, "15", "no_such_position", "to"),
        (None, "31", "beyond_the_head", "to"),
        (None, at(4), "before_the_first_event", "to"),
        ("30", "20", "from_after_to", "from"),
        (at(7), at(6), "from_after_to", "from"),
    ],
)
async def test_what_is_no_window(
    since: str | None, until: str | None, code: str, field: str
) -> None:
    log = await log_recorded_at([5, 6, 7], SparseLog)
    with pytest.raises(InvalidInput) as refusal:
        await window(log, since, until, NOW)
    assert (refusal.value.code, refusal.value.field) == (code, field)


async def test_no_position_is_in_an_empty_log() -> None:
    with pytest.raises(InvalidInput, match="nothing had been recorded"):
        await window(MemoryEventLog(), "1", None, NOW)
