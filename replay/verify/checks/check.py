"""A check of the log: it hears every event once, in the order of the log."""

from collections.abc import Iterable
from typing import Protocol

from replay.verify.fact import Fact
from replay.verify.finding import Finding


class Check(Protocol):
    """``examined`` counts what it looked at: events, executions, reservations…"""

    name: str
    examined: int

    def note(self, fact: Fact) -> Finding | None:
        """What is wrong with this event, given those before it."""
        ...

    def finish(self) -> Iterable[Finding]:
        """What is wrong now that the log has been read to its end."""
        ...


def finding(fact: Fact, message: str) -> Finding:
    return Finding(fact.recorded.stream, fact.recorded.position, message)
