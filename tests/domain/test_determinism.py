"""The law: outside infra/ nothing reads a clock, rolls dice, makes up ids or sleeps by itself.

And money never meets a float: no conversion to one, and no float literal, in the domain.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("domain", "projections", "adapters", "api", "replay")

FORBIDDEN_MODULES = {"time", "random", "secrets"}
FORBIDDEN_NAMES = {
    "datetime.datetime": {"now", "utcnow", "today", "fromtimestamp"},
    "datetime.date": {"today", "fromtimestamp"},
    "uuid": {"uuid1", "uuid4"},
    "os": {"urandom", "getrandom"},
    "asyncio": {"sleep"},
}
PURE = {"time": {"struct_time"}, "random": {"Random"}}
"""A generator with a given seed is as good as a table."""

WITH_A_CLOCK_GIVEN = {"datetime.datetime.fromtimestamp"}
"""Converts a given instant; it must be told the zone, which ruff's DTZ rules see to."""


def sources(*rooms: str) -> list[Path]:
    found = [path for room in rooms for path in sorted((ROOT / room).rglob("*.py"))]
    assert found
    return found


def names_of(tree: ast.AST) -> dict[str, str]:
    """What the names of a module stand for: ``dt`` is ``datetime.datetime``."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name] = alias.name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def dotted(node: ast.expr, names: dict[str, str]) -> str | None:
    """The full name of an expression such as ``datetime.now``."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = dotted(node.value, names)
        return None if owner is None else f"{owner}.{node.attr}"
    return None


def is_forbidden(name: str) -> bool:
    module, _, attribute = name.rpartition(".")
    if name in WITH_A_CLOCK_GIVEN:
        return False
    if module in FORBIDDEN_MODULES:
        return attribute not in PURE.get(module, set())
    return attribute in FORBIDDEN_NAMES.get(module, set())


def breaches(source: str) -> Iterator[tuple[int, str]]:
    """Lines that use what a port must give. Calls and mere references alike."""
    tree = ast.parse(source)
    names = names_of(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            name = dotted(node, names)
            if name is not None and is_forbidden(name):
                yield node.lineno, name


def floats(source: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            yield node.lineno, repr(node.value)
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id == "float":
                yield node.lineno, "float()"
            elif isinstance(node.func, ast.Attribute) and node.func.attr == "from_float":
                yield node.lineno, "from_float()"


@pytest.mark.parametrize("room", ROOMS)
def test_time_chance_and_identity_are_ports(room: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in sources(room)
        for line, name in breaches(path.read_text())
    ]
    assert found == []


def test_no_float_in_the_domain() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line} {what}"
        for path in sources("domain")
        for line, what in floats(path.read_text())
    ]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "import time\ntime.time()",
        "from time import monotonic\nmonotonic()",
        "import time as t\nclock = t.perf_counter",
        "from datetime import datetime\ndatetime.now()",
        "import datetime as d\nd.datetime.utcnow()",
        "from datetime import datetime as dt\nfield(default_factory=dt.now)",
        "from datetime import date\ndate.today()",
        "import random\nrandom.random()",
        "from random import choice\nchoice([1])",
        "import uuid\nuuid.uuid4()",
        "from uuid import uuid1\nuuid1()",
        "import asyncio\nasyncio.sleep(1)",
        "from asyncio import sleep\nsleep(1)",
        "import os\nos.urandom(8)",
        "import secrets\nsecrets.token_hex()",
    ],
)
def test_the_law_sees_a_breach(source: str) -> None:
    assert list(breaches(source))


@pytest.mark.parametrize(
    "source",
    [
        "self.clock.now()",
        "from random import Random\nRandom(7).random()",
        "from uuid import uuid5\nuuid5(a, b)",
        "from datetime import datetime, UTC\ndatetime.fromtimestamp(0, UTC)",
        "import asyncio\nasyncio.Event()",
        "await clock.sleep(1)",
    ],
)
def test_the_law_lets_pass_what_is_lawful(source: str) -> None:
    assert not list(breaches(source))


@pytest.mark.parametrize("source", ["x = 0.1", "float('1')", "Decimal.from_float(x)", "1e-8"])
def test_the_law_sees_a_float(source: str) -> None:
    assert list(floats(source))
