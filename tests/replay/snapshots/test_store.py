"""Which snapshots are kept, and which make room."""

import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from replay.snapshots import store as module
from replay.snapshots.contents import Edition
from replay.snapshots.metrics import SnapshotMetrics
from replay.snapshots.snapshot_file import check
from replay.snapshots.store import MEGABYTE, MOST_ASIDE, Kept, SnapshotStore
from tests.replay.snapshots.test_snapshot_file import CONTENTS

ORDERS = Edition("orders", 2)
REPOSITORY = Path(__file__).parents[3]

KILLED = """
import os, signal, sys
from pathlib import Path
from prometheus_client import CollectorRegistry
from replay.snapshots.contents import Edition
from replay.snapshots.metrics import SnapshotMetrics
from replay.snapshots.store import SnapshotStore

store = SnapshotStore(Path(sys.argv[1]), SnapshotMetrics(CollectorRegistry()))
partial = store.begin(Edition("orders", 2), 7)
partial.writer.begin()
partial.writer.write(os.urandom(100_000))
partial.writer.end("orders", 1)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def store(tmp_path: Path) -> SnapshotStore:
    return SnapshotStore(tmp_path / "snapshots", SnapshotMetrics(CollectorRegistry()))


def put(store: SnapshotStore, position: int, megabytes: int = 0) -> Path:
    partial = store.begin(ORDERS, position)
    partial.keep(CONTENTS)
    (kept,) = (each for each in store.kept(ORDERS) if each.position == position)
    with kept.path.open("ab") as file:
        file.truncate(megabytes * MEGABYTE)
    return kept.path


def positions(store: SnapshotStore, until: int | None = None) -> list[int]:
    return [kept.position for kept in store.kept(ORDERS, until)]


def test_the_newest_up_to_a_cut_come_first(store: SnapshotStore) -> None:
    assert positions(store) == []
    for position in (30, 9, 100):
        put(store, position)
    assert positions(store) == [100, 30, 9]
    assert positions(store, until=99) == [30, 9]
    assert positions(store, until=9) == [9]
    assert positions(store, until=8) == []


def test_what_is_not_sealed_is_not_kept(store: SnapshotStore) -> None:
    partial = store.begin(ORDERS, 7)
    partial.writer.begin()
    partial.writer.write(b"rows")
    assert positions(store) == []
    partial.drop()
    store.begin(ORDERS, 8).drop()
    assert positions(store) == []


def test_while_somebody_writes_nobody_else_does(store: SnapshotStore) -> None:
    writing = store.begin(ORDERS, 7)
    with pytest.raises(FileExistsError):
        store.begin(ORDERS, 7)
    store.tidy(ORDERS)
    writing.keep(CONTENTS)
    (kept,) = store.kept(ORDERS)
    with store.open(kept) as file:
        assert check(file).model == "orders"


def test_what_a_killed_writer_left_is_taken_over(store: SnapshotStore, tmp_path: Path) -> None:
    """It dies in the middle of writing, with no chance to tidy."""
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "snapshots")], check=False, cwd=REPOSITORY
    )
    assert killed.returncode == -signal.SIGKILL
    (left,) = (tmp_path / "snapshots" / "orders.v2").iterdir()
    assert left.stat().st_size > 1_000
    partial = store.begin(ORDERS, 7)
    partial.keep(CONTENTS)
    (kept,) = store.kept(ORDERS)
    with store.open(kept) as file:
        assert check(file).parts == ()


def test_room_is_made_where_they_are_densest(store: SnapshotStore) -> None:
    for position in (10, 20, 21, 30, 40):
        put(store, position, megabytes=2)
    store.thin_out(ORDERS, megabytes=8)
    assert positions(store) == [40, 30, 20, 10]
    store.thin_out(ORDERS, megabytes=5)
    assert positions(store) == [40, 10]
    store.thin_out(ORDERS, megabytes=1)
    assert positions(store) == [40]


def test_there_are_never_too_many(store: SnapshotStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it goes on, they are spread over all that has been."""
    monkeypatch.setattr(module, "MOST_KEPT", 10)
    for position in range(10, 2_000, 10):
        put(store, position)
        store.thin_out(ORDERS, megabytes=1)
    left = positions(store)
    assert len(left) == 10
    assert (left[0], left[-1]) == (1_990, 10)
    assert max(newer - older for older, newer in pairwise(reversed(left))) <= 2 * 1_990 / 9 + 10


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=30, unique=True))
def test_the_nearest_is_neither_the_first_nor_the_newest(positions: list[int]) -> None:
    nearest = module._nearest(sorted(positions))
    assert nearest in range(1, len(positions) - 1) or (nearest == 0 and len(positions) < 3)


def test_only_some_of_those_set_aside_stay(store: SnapshotStore) -> None:
    for position in range(1, MOST_ASIDE + 6):
        path = put(store, position)
        store.set_aside(Kept(path, position), "orders", "a test")
    assert positions(store) == []
    aside = list((path.parents[1] / "aside").iterdir())
    assert len(aside) == MOST_ASIDE


def test_one_that_is_gone_is_set_aside_quietly(store: SnapshotStore) -> None:
    path = put(store, 5)
    path.unlink()
    store.set_aside(Kept(path, 5), "orders", "a test")
    store.thin_out(ORDERS, megabytes=1)
