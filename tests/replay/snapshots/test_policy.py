"""When a snapshot is due."""

from datetime import timedelta

import msgspec
import pytest

from replay.snapshots.policy import Policy
from tests.replay.snapshots.test_snapshot_file import CONTENTS

POLICY = Policy(events=100, time=timedelta(minutes=15), megabytes=1)


@pytest.mark.parametrize(
    ("new", "minutes", "is_due"),
    [
        (100, 0, True),
        (99, 14, False),
        (99, 15, True),
        (1, 15, True),
        (0, 600, False),
        (-50, 600, False),
    ],
)
def test_after_events_or_time(new: int, minutes: int, is_due: bool) -> None:
    newest = msgspec.structs.replace(CONTENTS, events=2_000)
    now = newest.taken_at + timedelta(minutes=minutes)
    assert POLICY.is_due(2_000 + new, newest, now) is is_due


def test_the_first() -> None:
    assert POLICY.is_due(1, None, CONTENTS.taken_at)
    assert not POLICY.is_due(0, None, CONTENTS.taken_at)
