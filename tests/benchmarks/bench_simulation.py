"""How many simulated worlds a core runs through in a second: ``make simulate`` uses all of them."""

from typing import Final

from tests.benchmarks.harness import Bench, Result
from tests.simulation.engine.explorer import explore
from tests.simulation.engine.target import SCENARIO

SEEDS: Final = 300
GOAL: Final = 10.0


async def run(bench: Bench) -> list[Result]:
    seeds = range(1, bench.scaled(SEEDS, least=10) + 1)
    summary = explore(f"{SCENARIO}:scenario", seeds)
    assert not summary.violations, summary.violations[0].text
    return [
        Result.at_least(
            "simulated worlds a second and core",
            summary.seeds_per_second_per_core,
            "seeds/s",
            reference="goal",
            reference_value=GOAL,
            goal=1.0,
        )
    ]
