"""A seed is a story: told twice, it is the same, byte for byte."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tests.simulation.engine import demo
from tests.simulation.engine.explorer import hunt
from tests.simulation.engine.report import replay_command
from tests.simulation.engine.run import Outcome, run_seed

ROOT = Path(__file__).parents[2]
RACING = "tests.simulation.engine.demo:racing"


class Told(msgspec.Struct):
    """What ``--json`` says of one seed, as far as it is looked at here."""

    seed: int
    violation: str | None
    sha256: str
    steps: int
    events: list[msgspec.Raw]
    trace: list[msgspec.Raw]


def simulate(*arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "tests.simulation", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        timeout=120,
        check=False,
    )


def first_racing() -> Outcome:
    found = hunt(demo.racing, range(1, 200))
    assert found is not None
    return found


@pytest.mark.parametrize("seed", [3, 14, 159])
def test_the_same_seed_tells_the_same_story(seed: int) -> None:
    told = run_seed(seed, demo.sound, traced=True)
    assert told.events
    assert told == run_seed(seed, demo.sound, traced=True)
    assert run_seed(seed, demo.sound) == msgspec.structs.replace(told, trace=[])


def test_another_seed_tells_another() -> None:
    stories = [run_seed(seed, demo.sound) for seed in range(1, 21)]
    assert len({story.digest for story in stories}) == len(stories)
    assert len({story.steps for story in stories}) > len(stories) / 2


def test_hashes_and_addresses_do_not_matter() -> None:
    seed = first_racing().seed
    arguments = ("--seed", str(seed), "--json", "--scenario", RACING)
    stories = {simulate(*arguments, PYTHONHASHSEED=salt).stdout for salt in ("1", "2", "random")}
    assert len(stories) == 1
    told = msgspec.json.decode(stories.pop(), type=Told)
    assert told.sha256 == first_racing().digest
    assert told.trace


def test_a_planted_race_is_found_and_the_printed_command_shows_it_again() -> None:
    found = first_racing()
    assert found.violation is not None
    assert "booked twice" in found.violation
    told = msgspec.json.decode(_replay(found.seed, "--json").stdout, type=Told)
    assert (told.seed, told.violation, told.steps) == (found.seed, found.violation, found.steps)
    assert told.sha256 == found.digest
    assert b"".join(event + b"\n" for event in map(bytes, told.events)) == found.events


def test_a_replay_shows_the_log_the_trace_and_the_violation() -> None:
    found = first_racing()
    replay = _replay(found.seed)
    shown = replay.stdout.decode()
    assert replay.returncode == 1
    assert found.events.decode() in shown
    assert "clerk-1          starts" in shown
    assert "tests/simulation/engine/demo.py:" in shown
    assert found.violation is not None
    assert shown.rstrip().endswith(
        f"{found.violation}\nreplay: {replay_command(found.seed, RACING)}"
    )


def test_a_sound_system_survives_everything() -> None:
    assert hunt(demo.sound, range(1, 101)) is None


def _replay(seed: int, *more: str) -> subprocess.CompletedProcess[bytes]:
    """What the printed command runs, with the interpreter of the tests."""
    command = [*shlex.split(replay_command(seed, RACING)), "--dry-run"]
    planned = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    program, *arguments = shlex.split(planned.splitlines()[-1])
    assert program == ".venv/bin/python"
    assert arguments[:2] == ["-m", "tests.simulation"]
    return simulate(*arguments[2:], *more)
