"""What one worker process does: some seeds, one after the other."""

import gc
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from types import FrameType

from tests.simulation.engine.run import Outcome, Scenario, run_seed
from tests.simulation.engine.summary import Summary
from tests.simulation.engine.target import load_scenario
from tests.simulation.engine.violation import Violation

PATIENCE_SECONDS = 120
"""Real time for a seed. One that takes longer never ends: it computes without ever waiting."""

_stop: Event | None = None


def prepare(stop: Event, target: str) -> None:
    """Once a process: what is loaded stays, and Ctrl-C is for the parent alone."""
    global _stop  # noqa: PLW0603  # the only way to hand an Event to a pool's workers
    _stop = stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    load_scenario(target)
    gc.freeze()


def run_chunk(target: str, seeds: Sequence[int], digest_every: int) -> Summary:
    """Every seed, or as many as there is time for until the parent says stop."""
    scenario = load_scenario(target)
    summary = Summary()
    began = time.process_time()
    for seed in seeds:
        if _stop is not None and _stop.is_set():
            break
        outcome = run_patiently(seed, scenario)
        summary.add(outcome)
        if seed % digest_every == 0:
            summary.digests[seed] = outcome.digest
    summary.busy_seconds = time.process_time() - began
    return summary


def run_patiently(seed: int, scenario: Scenario, *, traced: bool = False) -> Outcome:
    """As ``run_seed``, but a seed that hangs is a violation. In a main thread only."""
    with _alarm():
        outcome = run_seed(seed, scenario, traced=traced)
    gc.collect()
    return outcome


@contextmanager
def _alarm() -> Iterator[None]:
    def ring(_signal: int, _frame: FrameType | None) -> None:
        raise Violation(f"no end after {PATIENCE_SECONDS} real seconds")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
