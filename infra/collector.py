"""The garbage collector, set for a process that keeps many objects for long."""

import gc

YOUNG, MIDDLE, OLD = 20_000, 20, 50
"""A look at everything costs tens of milliseconds with a warm cache of aggregates, and Python's own
settings take one every few thousand orders. What the core drops is freed by reference counting."""


def calm_collector() -> None:
    """Leave what the start made out of every later collection, and collect more rarely."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
