"""Naming a scenario, so that another process finds it: ``package.module:function``."""

from importlib import import_module
from importlib.util import find_spec

import msgspec

from tests.simulation.engine.run import Scenario

SCENARIO = "tests.simulation.scenario"
UNIVERSE = "tests.simulation.universe"
DEMO = "tests.simulation.engine.demo"


class UnknownTarget(Exception):
    """No scenario is named so."""


class Universe(msgspec.Struct, frozen=True):
    """Every fault and every state that the seeds of a scenario must reach."""

    faults: frozenset[str] = frozenset()
    states: frozenset[str] = frozenset()


def default_target() -> str:
    """The scenario of the whole core."""
    return f"{SCENARIO}:scenario" if find_spec(SCENARIO) else f"{DEMO}:sound"


def load_scenario(target: str) -> Scenario:
    """Raises UnknownTarget."""
    module, _, name = target.partition(":")
    try:
        scenario: Scenario = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UnknownTarget(f"no scenario {target}: {error}") from error
    return scenario


def universe_of(target: str) -> Universe:
    """What is declared for the default target. Other scenarios owe nothing."""
    if target != default_target():
        return Universe()
    declared = UNIVERSE if target.startswith(SCENARIO) else DEMO
    if find_spec(declared) is None:
        return Universe()
    module = import_module(declared)
    return Universe(faults=frozenset(module.FAULTS), states=frozenset(module.STATES))
