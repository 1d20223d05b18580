"""The simulation catches every safeguard that is left out."""

import pytest

from tests.simulation.engine.explorer import hunt
from tests.simulation.engine.run import run_seed
from tests.simulation.safeguards import SAFEGUARDS
from tests.simulation.scenario import scenario

SEEDS = range(1, 2_001)


@pytest.mark.parametrize("safeguard", SAFEGUARDS)
def test_what_is_left_out_is_caught(safeguard: str) -> None:
    with SAFEGUARDS[safeguard]():
        found = hunt(scenario, SEEDS)
    assert found is not None, "no seed has noticed"
    assert run_seed(found.seed, scenario).violation is None, "the seed fails with the safeguard too"
