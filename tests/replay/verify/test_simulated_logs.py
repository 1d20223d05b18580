"""What the real core leaves behind under faults of every kind is a whole log."""

import pytest

from replay.verify.fact import read_fact
from replay.verify.log_checking import LogChecking
from replay.verify.report import CheckResult
from tests.simulation.engine.run import run_seed
from tests.simulation.engine.simulation import Simulation
from tests.simulation.scenario import scenario


def checked(seed: int) -> tuple[CheckResult, ...]:
    checking = LogChecking()

    async def play(simulation: Simulation) -> None:
        await scenario(simulation)
        for recorded in simulation.log_store.events:
            checking.note(read_fact(recorded))

    run_seed(seed, play)
    return checking.results()


@pytest.mark.parametrize("seed", range(1, 9))
def test_nothing_is_found(seed: int) -> None:
    results = checked(seed)
    assert [finding for result in results for finding in result.listed] == []
    assert all(result.findings == 0 for result in results)
