"""Positions only grow: an order of all events that nobody can dispute."""

from domain.log import START
from replay.verify.checks.check import finding
from replay.verify.fact import Fact
from replay.verify.finding import Finding


class PositionsCheck:
    name = "positions increase"

    def __init__(self) -> None:
        self.examined = 0
        self._last = START

    def note(self, fact: Fact) -> Finding | None:
        self.examined += 1
        before, self._last = self._last, fact.recorded.position
        if fact.recorded.position > before:
            return None
        return finding(fact, f"position {fact.recorded.position} comes after {before}")

    def finish(self) -> tuple[Finding, ...]:
        return ()
