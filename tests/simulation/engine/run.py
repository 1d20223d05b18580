"""Running a scenario with a seed, from the first step to the last."""

import asyncio
import gc
import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from random import Random

import msgspec

from tests.simulation.engine.loop import SimulatedLoop
from tests.simulation.engine.rates import FaultRates
from tests.simulation.engine.simulation import Simulation
from tests.simulation.engine.trace import Step, Trace
from tests.simulation.engine.transcript import transcript

Scenario = Callable[[Simulation], Awaitable[None]]

MAX_STEPS = 2_000_000
MAX_VIRTUAL_SECONDS = 7 * 24 * 3600.0


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a seed came to. ``events`` is the whole event log, encoded."""

    seed: int
    violation: str | None
    events: bytes
    faults: Counter[str]
    states: Counter[str]
    virtual_seconds: float
    steps: int
    trace: list[Step] = []

    @property
    def digest(self) -> str:
        """SHA-256 of the event log."""
        return hashlib.sha256(self.events).hexdigest()


def run_seed(
    seed: int,
    scenario: Scenario,
    *,
    traced: bool = False,
    rates: FaultRates | None = None,
    max_steps: int = MAX_STEPS,
    max_virtual_seconds: float = MAX_VIRTUAL_SECONDS,
) -> Outcome:
    """The same for the same seed and code, in any process. Not to be called from a running loop.

    ``rates`` instead of those that the seed draws; ``traced`` to be told of every step.
    """
    if asyncio._get_running_loop() is not None:
        raise RuntimeError("a simulation does not run inside another loop")
    dice = Random(f"{seed}/schedule")
    loop = SimulatedLoop(dice, max_steps=max_steps, max_seconds=max_virtual_seconds)
    trace = Trace() if traced else None
    simulation = Simulation(seed, loop, trace=trace, rates=rates)
    with _no_collector():
        try:
            loop.run(_play(scenario, simulation))
        finally:
            loop.close()
    return Outcome(
        seed=seed,
        violation=loop.violation.text if loop.violation else None,
        events=transcript(simulation.log_store.events),
        faults=Counter(simulation.faults),
        states=simulation.states,
        virtual_seconds=loop.time(),
        steps=loop.steps,
        trace=list(trace.steps) if trace else [],
    )


async def _play(scenario: Scenario, simulation: Simulation) -> None:
    await scenario(simulation)


@contextmanager
def _no_collector() -> Iterator[None]:
    """The garbage collector runs finalizers when it likes, which is not when the seed likes."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
