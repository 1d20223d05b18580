"""What many seeds came to, added up."""

from collections import Counter
from typing import Self

import msgspec

from tests.simulation.engine.run import Outcome
from tests.simulation.engine.target import Universe

RUN_ENOUGH = 300
"""Seeds after which everything declared must have been reached."""


class Found(msgspec.Struct, frozen=True):
    """A violation and the seed that shows it."""

    seed: int
    text: str


class Summary(msgspec.Struct, kw_only=True):
    """Adds up: ``summary.add(outcome)`` for a seed, ``summary.merge(other)`` for a chunk of them.

    ``busy_seconds`` is the processor time of all workers, ``seconds`` the real time of the run.
    """

    seeds: int = 0
    steps: int = 0
    events: int = 0
    virtual_seconds: float = 0.0
    busy_seconds: float = 0.0
    seconds: float = 0.0
    interrupted: bool = False
    faults: Counter[str] = msgspec.field(default_factory=Counter)
    states: Counter[str] = msgspec.field(default_factory=Counter)
    violations: list[Found] = msgspec.field(default_factory=list)
    digests: dict[int, str] = msgspec.field(default_factory=dict)

    def add(self, outcome: Outcome) -> None:
        self.seeds += 1
        self.steps += outcome.steps
        self.events += outcome.events.count(b"\n")
        self.virtual_seconds += outcome.virtual_seconds
        self.faults += outcome.faults
        self.states += outcome.states
        if outcome.violation is not None:
            self.violations.append(Found(outcome.seed, outcome.violation))

    def merge(self, other: Self) -> None:
        self.seeds += other.seeds
        self.steps += other.steps
        self.events += other.events
        self.virtual_seconds += other.virtual_seconds
        self.busy_seconds += other.busy_seconds
        self.faults += other.faults
        self.states += other.states
        self.violations = sorted(self.violations + other.violations, key=lambda found: found.seed)
        self.digests |= other.digests

    @property
    def seeds_per_second_per_core(self) -> float:
        return self.seeds / self.busy_seconds if self.busy_seconds else 0.0

    def unreached(self, universe: Universe) -> list[str]:
        """What no seed reached though enough have run."""
        if self.seeds < RUN_ENOUGH:
            return []
        missing = (universe.faults - set(self.faults)) | (universe.states - set(self.states))
        return sorted(missing)

    def undeclared(self, universe: Universe) -> list[str]:
        """What seeds reached and nobody declared: a misspelt name, most likely."""
        if universe == Universe():
            return []
        reached = (set(self.faults) - universe.faults) | (set(self.states) - universe.states)
        return sorted(reached)
