"""Three hundred seeds of the real core, on all cores. ``make simulate`` runs any number."""

import pytest

from tests.simulation.engine.explorer import explore
from tests.simulation.engine.run import run_seed
from tests.simulation.engine.summary import Summary
from tests.simulation.engine.target import SCENARIO
from tests.simulation.scenario import scenario
from tests.simulation.universe import FAULTS, STATES

SEEDS = range(1, 301)


@pytest.fixture(scope="module")
def summary() -> Summary:
    return explore(f"{SCENARIO}:scenario", SEEDS)


def test_no_seed_breaks_an_invariant(summary: Summary) -> None:
    assert not summary.violations, "\n\n".join(
        f"make simulate SEED={found.seed}\n{found.text}" for found in summary.violations[:5]
    )


def test_the_seeds_reach_every_fault_and_every_state(summary: Summary) -> None:
    assert not FAULTS - summary.faults.keys()
    assert not STATES - summary.states.keys()


def test_they_reach_nothing_that_is_not_declared(summary: Summary) -> None:
    assert not summary.faults.keys() - FAULTS
    assert not summary.states.keys() - STATES


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_same_seed_leaves_the_same_log(seed: int) -> None:
    assert run_seed(seed, scenario).events == run_seed(seed, scenario).events
