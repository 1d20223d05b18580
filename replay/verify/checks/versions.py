"""The versions of a stream count its events: a gap is an event that was taken away."""

from replay.verify.checks.check import finding
from replay.verify.fact import Fact
from replay.verify.finding import Finding


class VersionsCheck:
    """Remembers one number a stream. The version and the id inside the event must agree as well."""

    name = "versions are contiguous"

    def __init__(self) -> None:
        self.examined = 0
        self._last: dict[str, int] = {}

    def note(self, fact: Fact) -> Finding | None:
        self.examined += 1
        recorded, event = fact.recorded, fact.event
        before = self._last.get(recorded.stream, 0)
        self._last[recorded.stream] = recorded.version
        if recorded.version != before + 1:
            return finding(fact, f"version {recorded.version} comes after {before}")
        if event is None:
            return None
        if event.originator_version != recorded.version:
            inside = event.originator_version
            return finding(fact, f"version {recorded.version} holds an event of version {inside}")
        if recorded.stream.partition("-")[2] != event.originator_id:
            return finding(fact, f"it holds an event of {event.originator_id}")
        return None

    def finish(self) -> tuple[Finding, ...]:
        return ()
