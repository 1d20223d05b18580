"""Many seeds on many cores, and what is made of them."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from domain.log import NewEvent
from tests.simulation.__main__ import main
from tests.simulation.engine import chunk, demo
from tests.simulation.engine.explorer import explore
from tests.simulation.engine.run import run_seed
from tests.simulation.engine.simulation import Simulation
from tests.simulation.engine.summary import Found, Summary
from tests.simulation.engine.target import (
    Universe,
    UnknownTarget,
    default_target,
    load_scenario,
    universe_of,
)

ROOT = Path(__file__).parents[2]
HERE = "tests.simulation.test_engine_explorer"
SOUND = "tests.simulation.engine.demo:sound"
RACING = "tests.simulation.engine.demo:racing"


async def depends_on_hashes(simulation: Simulation) -> None:
    data = json.dumps({"hash": hash("word")}).encode()
    event = NewEvent(simulation.ids.new(), "Hashed", data, b"{}")
    simulation.log_store.append("word-1", [event], 0)


async def kills_its_worker(_simulation: Simulation) -> None:
    os._exit(3)


async def computes_for_ever(_simulation: Simulation) -> None:
    while True:
        pass


def test_what_many_processes_find_is_what_one_finds() -> None:
    seeds = range(1, 41)
    alone = Summary()
    for seed in seeds:
        alone.add(run_seed(seed, demo.racing))
    together = explore(RACING, seeds, jobs=2)
    assert together.violations == alone.violations
    assert (together.seeds, together.steps, together.events) == (40, alone.steps, alone.events)
    assert (together.faults, together.states) == (alone.faults, alone.states)
    assert together.virtual_seconds == pytest.approx(alone.virtual_seconds)
    assert together.busy_seconds > 0
    assert not together.interrupted


def test_it_stops_after_enough_violations() -> None:
    summary = explore(RACING, range(1, 1_000), jobs=1, stop_after=1)
    assert summary.violations
    assert summary.seeds < 100


def test_a_scenario_that_is_not_deterministic_is_found() -> None:
    summary = explore(f"{HERE}:depends_on_hashes", range(50, 52), jobs=1)
    assert summary.violations == [Found(50, "not deterministic: a second run left another log")]


def test_a_worker_that_dies_is_told() -> None:
    with pytest.raises(BrokenProcessPool):
        explore(f"{HERE}:kills_its_worker", [1], jobs=1)


def test_a_seed_that_computes_for_ever_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunk, "PATIENCE_SECONDS", 0.2)
    outcome = chunk.run_patiently(1, computes_for_ever)
    assert outcome.violation == "no end after 0.2 real seconds"


def test_what_no_seed_reached_counts_when_enough_have_run() -> None:
    universe = Universe(faults=frozenset({"log/outage", "venue/down"}), states=frozenset({"a"}))
    summary = Summary(seeds=299, faults=Counter({"venue/down": 2}))
    assert summary.unreached(universe) == []
    summary.seeds = 300
    assert summary.unreached(universe) == ["a", "log/outage"]
    summary.states["b"] += 1
    assert summary.undeclared(universe) == ["b"]
    assert summary.undeclared(Universe()) == []


def test_the_default_target_has_a_universe_and_others_owe_nothing() -> None:
    load_scenario(default_target())
    assert universe_of(RACING) == Universe()
    for wrong in ("nothing", "tests.nowhere:it", "tests.simulation.engine.demo:nothing", ":"):
        with pytest.raises(UnknownTarget):
            load_scenario(wrong)


@pytest.mark.parametrize(("target", "code"), [(SOUND, 0), (RACING, 1), ("no:where", 2)])
def test_the_exit_code_says_what_came_of_it(target: str, code: int) -> None:
    assert main(["--seeds", "10", "--jobs", "1", "--scenario", target]) == code


def test_the_result_as_json(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["--seeds", "12", "--json", "--jobs", "1", "--scenario", RACING]) == 1
    told = json.loads(capfdbinary.readouterr().out)
    assert told["seeds"] == 12
    assert told["seeds_per_second_per_core"] > 0
    first = told["violations"][0]
    command = f"make simulate SEED={first['seed']} ARGS='--scenario {RACING}'"
    assert first["replay"] == command
    assert "booked twice" in first["text"]


def test_the_summary_on_paper(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--seeds", "12", "--jobs", "1", "--scenario", RACING]) == 1
    told = capfd.readouterr().out
    for part in ("seeds/s per core", "virtual hours", "demo/booked", "process/killed"):
        assert part in told
    assert told.count("replay: make simulate SEED=") == 1
    assert "the same with seeds " in told


def test_interrupted_it_tells_what_was_done() -> None:
    command = [sys.executable, "-m", "tests.simulation", "--seeds", "1000000", "--json"]
    process = subprocess.Popen(
        [*command, "--scenario", SOUND],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stderr is not None
    assert b"1,000,000 seeds" in process.stderr.readline()
    assert b"seeds" in process.stderr.readline()  # of a progress line: some are done
    os.killpg(process.pid, signal.SIGINT)
    out, errors = process.communicate(timeout=60)
    told = json.loads(out)
    assert process.returncode == 2
    assert told["interrupted"]
    assert told["seeds"] > 0
    assert b"Traceback" not in errors
