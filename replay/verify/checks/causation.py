"""What an event names as its cause is an event before it, or a request.

Event ids are UUIDs; a cause that is none is the id of a request, which leaves no event of its own.
"""

from uuid import UUID

from replay.verify.checks.check import finding
from replay.verify.fact import Fact
from replay.verify.finding import Finding

_SHORT = 64
"""Bits kept of an id: of ten million ids, two are alike with a chance of one in 300,000."""


class CausationCheck:
    """Remembers eight bytes of every event's id: some 100 MB for a million events in Python."""

    name = "causes are in the log"

    def __init__(self) -> None:
        self.examined = 0
        self._ids: set[int] = set()

    def note(self, fact: Fact) -> Finding | None:
        cause = fact.metadata.causation_id if fact.metadata else None
        found = None if cause is None else self._check(fact, cause)
        self._ids.add(_short(fact.recorded.id))
        return found

    def _check(self, fact: Fact, cause: str) -> Finding | None:
        self.examined += 1
        event_id = _uuid_of(cause)
        if event_id is None or _short(event_id) in self._ids:
            return None
        return finding(fact, f"no event before it has the id of its cause, {cause}")

    def finish(self) -> tuple[Finding, ...]:
        return ()


def _uuid_of(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _short(event_id: UUID) -> int:
    return event_id.int >> (128 - _SHORT)
