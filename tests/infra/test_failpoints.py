"""Failpoints: nothing without arming, refused outside tests, and exact about where they kill."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from infra.failpoints import ALLOWED, ARMING, PERMISSION, Failpoints
from infra.settings import Environment, Settings, SettingsError, load_settings

PASSAGES = (("append", "A"), ("append", "B"), ("project",), ("append", "A"), ("project",))

_PROGRAM = f"""
import os
from infra.failpoints import failpoints
from infra.settings import Settings
failpoints.arm(Settings(), os.environ)
for number, parts in enumerate({PASSAGES!r}, 1):
    print(number, flush=True)
    failpoints.reach(*parts)
"""


@pytest.fixture
def failpoints() -> Iterator[Failpoints]:
    own = Failpoints()
    yield own
    own.disarm()


def armed_with(how: str) -> dict[str, str]:
    return {ARMING: how, PERMISSION: ALLOWED}


def passages_of(how: str) -> tuple[int, int]:
    """How far a process comes that is armed so, and its exit code."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        env={"PYTHONPATH": str(Path(__file__).parents[2]), **armed_with(how)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return len(done.stdout.split()), done.returncode


def test_without_arming_nothing_happens(failpoints: Failpoints) -> None:
    failpoints.arm(Settings(), {})
    for parts in PASSAGES:
        failpoints.reach(*parts)
    assert failpoints.how is None


def test_counting_writes_every_passage_down(failpoints: Failpoints, tmp_path: Path) -> None:
    failpoints.arm(Settings(), armed_with(f"count:{tmp_path / 'passages'}"))
    for parts in PASSAGES:
        failpoints.reach(*parts)
    assert (tmp_path / "passages").read_text().splitlines() == [
        "1 append/A",
        "2 append/B",
        "3 project",
        "4 append/A",
        "5 project",
    ]


@pytest.mark.parametrize(
    ("how", "reached"),
    [
        ("kill:1", 1),
        ("kill:4", 4),
        ("kill:project", 3),
        ("kill:project:2", 5),
        ("kill:append/A:2", 4),
    ],
)
def test_a_process_is_killed_exactly_there(how: str, reached: int) -> None:
    assert passages_of(how) == (reached, -signal.SIGKILL)


@pytest.mark.parametrize("how", ["kill:6", "kill:append/A:3", "kill:append"])
def test_a_place_that_is_not_reached_kills_nobody(how: str) -> None:
    assert passages_of(how) == (len(PASSAGES), 0)


@pytest.mark.parametrize("how", ["kill", "kill:", "kill:0", "kill:a:0", "kill:a b", "count:", "1"])
def test_what_is_not_understood_is_refused(failpoints: Failpoints, how: str) -> None:
    with pytest.raises(SettingsError, match=ARMING):
        failpoints.arm(Settings(), armed_with(how))


@pytest.mark.parametrize("permission", [None, "", "yes"])
def test_arming_needs_a_test_s_permission(failpoints: Failpoints, permission: str | None) -> None:
    environment = {ARMING: "kill:1"} | ({} if permission is None else {PERMISSION: permission})
    with pytest.raises(SettingsError, match=PERMISSION):
        failpoints.arm(Settings(), environment)
    assert failpoints.how is None


def test_production_cannot_be_armed(failpoints: Failpoints) -> None:
    production = Settings(
        environment=Environment.PRODUCTION, docs_enabled=False, token_secret=SecretStr("x" * 32)
    )
    with pytest.raises(SettingsError, match="production"):
        failpoints.arm(production, armed_with("kill:1"))


def test_the_settings_know_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ARMING, "kill:1")
    monkeypatch.setenv(PERMISSION, ALLOWED)
    load_settings()
