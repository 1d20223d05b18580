"""Cores that are killed at a failpoint, one after the other, on one data directory."""

import json
import signal
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

import httpx
import psycopg

from infra.composition.tokens import Role, new_token
from infra.failpoints import ALLOWED, ARMING, PERMISSION
from infra.settings import Settings
from tests.end_to_end.load import Answered
from tests.end_to_end.process import Ended, RunningCore, api_client, running, until
from tests.end_to_end.script import PATIENCE_SECONDS, Script
from tests.end_to_end.story import SUBJECT, Snapshot, Story, shortened, snapshot

MAX_SCRIPTS = 3
"""A passage that a core does not come to in so many scripts is not on its way."""


SELECTION = "PATRIOT_TEST_CRASH_POINTS"
"""``all`` kills at every passage, instead of the first and the last of each name; NAME:TURN,… at
these alone."""


class Point(NamedTuple):
    """The passage at which a core is killed; ``turn`` counts those of the name from 1."""

    name: str
    turn: int

    def __str__(self) -> str:
        return f"{self.name}:{self.turn}"


def armed(how: str) -> Mapping[str, str]:
    return {ARMING: how, PERMISSION: ALLOWED}


class Drill:
    """Plays scripts on the cores of a data directory; each must end with everybody agreeing."""

    def __init__(self, data_dir: Path, market: Path, name: str) -> None:
        self._data_dir = data_dir
        self._market = {"PATRIOT_MARKET": str(market)}
        self._name = name
        self._scripts: list[Script] = []

    def count(self, passages: Path) -> Counter[str]:
        """How often each failpoint is passed in one script, from the start of the core on."""
        with self._running(armed(f"count:{passages}")) as core:
            self._play_one(core)
            assert core.stop(signal.SIGINT) == 0
        return Counter(line.partition(" ")[2] for line in passages.read_text().splitlines())

    def kill_at(self, points: Sequence[Point]) -> None:
        """At each in turn: what one core left undone, the next one recovers and goes on with."""
        for point in points:
            try:
                self._play_until_killed(point)
            except AssertionError as failure:
                so_far = ",".join(map(str, points[: points.index(point) + 1]))
                failure.add_note(f"on the way to {point}; again with {SELECTION}={so_far}")
                raise
        with self._running({}) as core:
            self._play_one(core)
            assert core.stop(signal.SIGINT) == 0

    def _play_until_killed(self, point: Point) -> None:
        try:
            with self._running(armed(f"kill:{point}")) as core:
                self._require_killed(core)
        except Ended as ended:  # before it took orders
            if ended.code != -signal.SIGKILL:
                raise

    def _require_killed(self, core: RunningCore) -> None:
        try:
            for _ in range(MAX_SCRIPTS):
                self._play_one(core)
        except (httpx.TransportError, psycopg.OperationalError) as error:
            # The servers of a killed core end with it.
            if core.await_end() != -signal.SIGKILL:
                raise AssertionError(core.output()) from error
        else:
            raise AssertionError("no core ever came there")

    def _running(self, how: Mapping[str, str]) -> AbstractContextManager[RunningCore]:
        return running(self._data_dir, {**self._market, **how})

    def _play_one(self, core: RunningCore) -> None:
        """The script that was cut off, else a new one, to its end and until all agree."""
        if not self._scripts or self._scripts[-1].is_done:
            self._scripts.append(Script(f"{self._name}-{len(self._scripts)}"))
        token = new_token(Settings(data_dir=self._data_dir), Role.MANAGER, SUBJECT)
        with api_client(core.url, token) as http:
            self._scripts[-1].play(http)
        self._require_one_story()

    def _require_one_story(self) -> None:
        dsn = json.loads((self._data_dir / "run.json").read_text())["postgres_dsn"]
        problems: list[str] = []

        def agreed() -> Snapshot | None:
            seen = snapshot(dsn)
            problems[:] = Story(seen).problems(self._answered)
            return None if problems else seen

        until(agreed, PATIENCE_SECONDS, lambda: shortened(problems))

    @property
    def _answered(self) -> list[Answered]:
        return [answer for script in self._scripts for answer in script.answered]
