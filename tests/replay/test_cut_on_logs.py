"""What a cut means, on every log there is: dense positions or not, read from anywhere or not."""

from datetime import timedelta

import pytest

from domain.errors import InvalidInput
from domain.event import format_time
from domain.log import EventLog
from replay.cut import AROUND, resolve
from tests.contract.conftest import log, log_opener, under_test
from tests.contract.events import all_of, new_events

__all__ = ["log", "log_opener", "under_test"]

APPENDS = 8
TOGETHER = 100


async def test_positions_and_instants(log: EventLog) -> None:
    for number in range(APPENDS):
        await log.append(f"order-{number}", new_events(TOGETHER), expected_version=0)
    recorded = await all_of(log.read_all())
    assert len(recorded) > AROUND
    now = recorded[-1].recorded_at + timedelta(hours=1)
    for event in (recorded[0], recorded[350], recorded[-1]):
        at_position = await resolve(log, str(event.position), now)
        assert at_position.recorded_at == event.recorded_at
        by_then = [each for each in recorded if each.recorded_at <= event.recorded_at]
        at_instant = await resolve(log, format_time(event.recorded_at), now)
        assert at_instant.position == by_then[-1].position
        assert not at_instant.out_of_order


async def test_what_is_not_there(log: EventLog) -> None:
    await log.append("order-1", new_events(3), expected_version=0)
    first, second, last = await all_of(log.read_all())
    now = last.recorded_at + timedelta(hours=1)
    before = format_time(first.recorded_at - timedelta(microseconds=1))
    said = {"0": "before_the_first_event", before: "before_the_first_event"}
    said[str(last.position + 1)] = "beyond_the_head"
    if second.position - first.position > 1:
        said[str(first.position + 1)] = "no_such_position"
    for text, code in said.items():
        with pytest.raises(InvalidInput) as caught:
            await resolve(log, text, now)
        assert caught.value.code == code
