"""A process that has ended is told from one that is stopped, elsewhere, or came after it."""

import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import msgspec
import pytest

from infra.workers.process_identity import ProcessIdentity, this_machine
from tests.infra.workers.other_process import OtherProcess

change = msgspec.structs.replace


@pytest.fixture
def other() -> Iterator[OtherProcess]:
    with OtherProcess() as process:
        yield process


def test_this_process_runs() -> None:
    me = ProcessIdentity.of_this_process()
    assert not me.has_ended()
    assert me == ProcessIdentity.of_this_process()
    assert me.machine == this_machine()


def test_it_survives_being_written_down(other: OtherProcess) -> None:
    written = msgspec.json.encode(other.identity)
    assert msgspec.json.decode(written, type=ProcessIdentity) == other.identity
    assert str(other.identity.pid) in str(other.identity)


def test_a_stopped_process_has_not_ended(other: OtherProcess) -> None:
    assert not other.identity.has_ended()
    other.stop()
    assert not other.identity.has_ended()


def test_a_killed_process_has_ended_whether_buried_or_not(other: OtherProcess) -> None:
    other.kill()
    _await_zombie(other.identity.pid)
    assert other.identity.has_ended()
    other.bury()
    assert other.identity.has_ended()


def test_a_later_process_of_the_same_number_is_another_one() -> None:
    me = ProcessIdentity.of_this_process()
    assert me.started is not None
    assert change(me, started=me.started - 1).has_ended()


def test_nothing_is_known_of_processes_elsewhere(other: OtherProcess) -> None:
    other.kill()
    other.bury()
    assert not change(other.identity, machine="another boot, or another container").has_ended()
    assert not change(other.identity, machine=None).has_ended()
    assert not ProcessIdentity().has_ended()


def _await_zombie(pid: int) -> None:
    """Nothing tells of it but the process table."""
    for tries in count():
        if Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z"):
            return
        assert tries < 1_000
        time.sleep(0.01)
