"""Places in the code at which a test can have a real process killed: ``failpoints.reach(…)``.

Nothing happens there unless the process was armed. ``PATRIOT_FAILPOINT`` says how:

    count:FILE      append every passage to FILE, one line each: its number, its name
    kill:NUMBER     SIGKILL this process at that passage, counted from 1
    kill:NAME       … at the first passage of that name
    kill:NAME:K     … at its K-th passage

It is refused in production, and wherever ``PATRIOT_TEST_FAILPOINTS`` is not ``allowed`` as well.
"""

import os
import re
import signal
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from infra.settings import Environment, Settings, SettingsError

ARMING = "PATRIOT_FAILPOINT"
PERMISSION = "PATRIOT_TEST_FAILPOINTS"
ALLOWED = "allowed"

_FORM = re.compile(
    r"count:(?P<file>.+)|kill:(?P<number>[1-9]\d*)|kill:(?P<name>[a-z][\w/]*)(?::(?P<turn>[1-9]\d*))?",
    re.ASCII,
)

Passage = Callable[..., None]
"""Called with the parts of a failpoint's name."""


class Failpoints:
    """``how`` is what it was armed with, None if it is not armed."""

    def __init__(self) -> None:
        self.how: str | None = None
        self.reach: Passage = _pass_by

    def arm(self, settings: Settings, environment: Mapping[str, str]) -> None:
        """Do as the environment says; nothing if it says nothing.

        Raises SettingsError for what is not allowed or not understood.
        """
        how = environment.get(ARMING)
        if how:
            _require_permission(settings, environment)
            self.reach = _armed(how)
            self.how = how

    def disarm(self) -> None:
        self.reach, self.how = _pass_by, None


class Count:
    """Writes each passage down before it is passed, so that a file is right at any moment."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._passed = 0

    def __call__(self, *parts: str) -> None:
        self._passed += 1
        with self._path.open("a") as file:
            file.write(f"{self._passed} {'/'.join(parts)}\n")


class Kill:
    """``turn`` counts the passages of ``name``; of all names where it is None."""

    def __init__(self, name: str | None, turn: int) -> None:
        self._name = name
        self._turn = turn
        self._passed: Counter[str | None] = Counter()

    def __call__(self, *parts: str) -> None:
        name = None if self._name is None else "/".join(parts)
        self._passed[name] += 1
        if name == self._name and self._passed[name] == self._turn:
            os.kill(os.getpid(), signal.SIGKILL)


def _pass_by(*_parts: str) -> None:
    """What a failpoint is to everybody but a crash drill."""


def _require_permission(settings: Settings, environment: Mapping[str, str]) -> None:
    if settings.environment is Environment.PRODUCTION:
        raise SettingsError(ARMING, "must not be set in production")
    if environment.get(PERMISSION) != ALLOWED:
        raise SettingsError(ARMING, f"kills the core; only for tests, with {PERMISSION}={ALLOWED}")


def _armed(how: str) -> Passage:
    form = _FORM.fullmatch(how)
    if form is None:
        raise SettingsError(ARMING, f"{how!r} is none of count:FILE, kill:NUMBER, kill:NAME[:K]")
    if form["file"]:
        return Count(Path(form["file"]))
    return Kill(form["name"], int(form["number"] or form["turn"] or 1))


failpoints = Failpoints()
"""Of this process. Call its ``reach``, never keep it: arming replaces it."""
