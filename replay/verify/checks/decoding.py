"""Every event can be read: its type is known, its data and metadata have their shape."""

from replay.verify.checks.check import finding
from replay.verify.fact import Fact
from replay.verify.finding import Finding


class DecodingCheck:
    name = "events are decodable"

    def __init__(self) -> None:
        self.examined = 0

    def note(self, fact: Fact) -> Finding | None:
        self.examined += 1
        return None if fact.problem is None else finding(fact, fact.problem)

    def finish(self) -> tuple[Finding, ...]:
        return ()
