"""A core killed at each of its failpoints, started again: nothing is lost, and nothing doubled."""

import os
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.end_to_end.crash import SELECTION, Drill, Point
from tests.end_to_end.tape import write_tape

CHAINS = 8
"""Cores that die and recover side by side: recovering is waiting, for the most part."""


def test_a_core_survives_death_at_every_failpoint(data_dir: Path) -> None:
    market = write_tape(data_dir.parent / "tape")
    counted = Drill(data_dir, market, "count").count(data_dir.parent / "passages")
    points = chosen(counted)
    chains = [points[number::CHAINS] for number in range(CHAINS)]
    with ThreadPoolExecutor(CHAINS) as threads:
        drills = [
            threads.submit(drill(data_dir, market, number).kill_at, chain)
            for number, chain in enumerate(chains)
        ]
    failures = [failure for done in drills if (failure := done.exception())]
    if failures:
        raise failures[0]


def chosen(counted: Counter[str]) -> list[Point]:
    match os.environ.get(SELECTION):
        case None:
            return [Point(name, turn) for name, n in counted.items() for turn in sorted({1, n})]
        case "all":
            return [Point(name, turn) for name, n in counted.items() for turn in range(1, n + 1)]
        case named:
            return [Point(name, int(turn)) for name, _, turn in map(_split, named.split(","))]


def _split(point: str) -> tuple[str, str, str]:
    return point.rpartition(":")


def drill(data_dir: Path, market: Path, number: int) -> Drill:
    """On a copy of a stopped core's data, with its owners: PostgreSQL serves nobody else's."""
    own = data_dir.parent / f"chain{number}"
    own.mkdir(mode=0o711)
    subprocess.run(["cp", "-a", data_dir, own], check=True)
    return Drill(own / data_dir.name, market, str(number))
