"""Rows of streams that are kept: what begins with them ends as what begins at the start."""

import errno
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from infra.composition.replay_kept_streams import KeptStreams
from infra.composition.replay_moments import MomentMaker
from infra.composition.replay_past import LoggedPast
from replay.moments.moments import Moments
from replay.snapshots.metrics import SnapshotMetrics
from replay.snapshots.store import SnapshotStore
from tests.api.served import NO_SNAPSHOTS, NOWHERE
from tests.doubles.memory_log import MemoryEventLog
from tests.projections.history import History, append_all
from tests.projections.manual_clock import ManualClock
from tests.replay.snapshots.test_snapshots import (
    a_directory,
    cut,
    emptied,
    flipped,
    of_a_former_format,
    renamed,
    torn,
    unreadable,
    zeroed,
)

EVENTS = 700
EVERY = 7
NEVER = 10**9


class Asked:
    """The past of one story, from kept rows and without them."""

    def __init__(self, directory: Path, history: History, log: MemoryEventLog) -> None:
        self.registry = CollectorRegistry()
        self.directory = directory
        self.store = SnapshotStore(directory, SnapshotMetrics(self.registry))
        self.history = history
        self.log = log

    def past(self, every: int) -> LoggedPast:
        clock = ManualClock()
        lists = Moments(MomentMaker(NOWHERE, self.log, clock, NO_SNAPSHOTS).make)
        return LoggedPast(
            self.log, clock, lists, KeptStreams(self.store, self.log, clock, every=every)
        )

    async def answers(self, past: LoggedPast, position: int) -> Sequence[Any]:
        account = self.history.accounts[0].id
        scopes = [await past.risk(scope, position) for scope in sorted(self.history.risks)]
        longest = max(self.history.orders, key=lambda order: order.version)
        return [
            await past.account(account, position),
            await past.order(longest.id, position),
            scopes,
        ]

    @property
    def files(self) -> list[Path]:
        return sorted(self.directory.glob("account-*/*.snapshot"))

    @property
    def set_aside(self) -> float:
        value = self.registry.get_sample_value(
            "patriot_snapshots_set_aside_total", {"model": "accounts"}
        )
        return value or 0.0

    @property
    def not_read(self) -> float:
        return self.registry.get_sample_value("patriot_snapshots_not_read_total") or 0.0


async def story(directory: Path, seed: int) -> Asked:
    log, history = MemoryEventLog(), History(seed, accounts=1)
    await append_all(log, list(history.events(EVENTS)))
    return Asked(directory, history, log)


@pytest.mark.parametrize("seed", range(5))
async def test_the_same_as_from_the_start(tmp_path: Path, seed: int) -> None:
    asked, some = await story(tmp_path, seed), random.Random(seed)
    head = await asked.log.head()
    kept, folded = asked.past(EVERY), Asked(tmp_path / "none", asked.history, asked.log).past(NEVER)
    for position in some.sample(range(1, head + 1), 60):
        assert await asked.answers(kept, position) == await asked.answers(folded, position)
    assert len(asked.files) > 10
    assert asked.set_aside == 0


async def test_a_long_fold_happens_once(tmp_path: Path) -> None:
    asked = await story(tmp_path, 7)
    head = await asked.log.head()
    await asked.answers(asked.past(EVERY), head)
    read = asked.log.read_stream
    begun: list[int] = []

    def watched(stream: str, *, after_version: int = 0, page_size: int = 1_000) -> Any:
        begun.append(after_version)
        return read(stream, after_version=after_version, page_size=page_size)

    asked.log.read_stream = watched  # type: ignore[method-assign]  # nobody else has this log
    account = asked.history.accounts[0]
    assert await asked.past(EVERY).account(account.id, head)
    assert min(begun) >= account.version - 1


DAMAGES = (
    *(cut, emptied, flipped, renamed, torn, zeroed),
    *(of_a_former_format, a_directory, unreadable),
)


@pytest.mark.parametrize("damage", DAMAGES)
async def test_what_cannot_be_trusted_is_set_aside(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    asked = await story(tmp_path, 8)
    head = await asked.log.head()
    before = await asked.answers(asked.past(NEVER), head)
    for position in (head // 2, head):
        await asked.answers(asked.past(EVERY), position)
    damage(asked.files[-1])
    assert await asked.answers(asked.past(NEVER), head) == before
    assert asked.set_aside == 1
    assert len(asked.files) == 1
    await asked.answers(asked.past(EVERY), head)
    damage(asked.files[-1])
    assert await asked.answers(asked.past(NEVER), head) == before
    assert asked.set_aside == 2
    assert len(list(asked.directory.glob("aside/*"))) == 1


async def test_those_of_another_stream(tmp_path: Path) -> None:
    one, other = await story(tmp_path, 9), await story(tmp_path / "other", 10)
    head = await one.log.head()
    before = await one.answers(one.past(NEVER), head)
    await one.answers(one.past(EVERY), head)
    await other.answers(other.past(EVERY), head)
    other.files[-1].replace(one.files[-1])
    assert await one.answers(one.past(NEVER), head) == before
    assert one.set_aside == 1


async def test_a_disk_that_is_full_changes_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = await story(tmp_path, 11)
    head = await asked.log.head()
    before = await asked.answers(asked.past(NEVER), head)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert await asked.answers(asked.past(EVERY), head) == before
    assert asked.files == []


async def test_what_a_killed_writer_left_is_in_nobodys_way(tmp_path: Path) -> None:
    asked = await story(tmp_path, 12)
    head = await asked.log.head()
    await asked.answers(asked.past(EVERY), head)
    (whole,) = asked.files
    at_its_place, elsewhere = whole.with_suffix(".partial"), whole.with_name("7.partial")
    whole.rename(at_its_place)
    elsewhere.write_bytes(b"left")
    await asked.answers(asked.past(EVERY), head)
    assert list(whole.parent.iterdir()) == [whole]


async def test_where_they_cannot_be_listed_no_answer_is_another(tmp_path: Path) -> None:
    asked = await story(tmp_path, 13)
    head = await asked.log.head()
    before = await asked.answers(asked.past(NEVER), head)
    await asked.answers(asked.past(EVERY), head)
    (whole,) = asked.files
    whole.unlink()
    whole.parent.rmdir()
    whole.parent.symlink_to(whole.parent)
    assert await asked.answers(asked.past(EVERY), head) == before
    assert asked.not_read == 1


async def test_too_many_open_files_are_not_their_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = await story(tmp_path, 14)
    head = await asked.log.head()
    before = await asked.answers(asked.past(NEVER), head)
    await asked.answers(asked.past(EVERY), head)

    def too_many(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", too_many)
        assert await asked.answers(asked.past(NEVER), head) == before
    assert asked.not_read
    assert (asked.set_aside, len(asked.files)) == (0, 1)
