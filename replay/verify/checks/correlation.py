"""Correlation leads back to where something began.

Who acts on its own begins a correlation. What was caused by an event goes on with one that is in
the log by then: of the cause, of the order it is about, or the cause's own id. A decision carries
its correlation inside as well, and both must agree.
"""

from hashlib import blake2b

from domain.order.events import OrderPlaced, OrderRefused
from replay.verify.checks.check import finding
from replay.verify.fact import Fact
from replay.verify.finding import Finding


class CorrelationCheck:
    """Remembers eight bytes of every correlation and event id: as much again as the causes."""

    name = "correlations begin in the log"

    def __init__(self) -> None:
        self.examined = 0
        self._known: set[bytes] = set()

    def note(self, fact: Fact) -> Finding | None:
        if fact.metadata is None:
            return None
        self.examined += 1
        found = self._check(fact)
        self._known.add(_short(fact.metadata.correlation_id))
        self._known.add(_short(str(fact.recorded.id)))
        return found

    def _check(self, fact: Fact) -> Finding | None:
        assert fact.metadata is not None
        correlation = fact.metadata.correlation_id
        if not correlation:
            return finding(fact, "it has no correlation id")
        event = fact.event
        if isinstance(event, OrderPlaced | OrderRefused) and event.correlation_id != correlation:
            return finding(fact, f"{correlation} around it, {event.correlation_id} inside")
        is_caused = fact.metadata.causation_id is not None
        if is_caused and _short(correlation) not in self._known:
            return finding(fact, f"it was caused, and no event before it knows {correlation}")
        return None

    def finish(self) -> tuple[Finding, ...]:
        return ()


def _short(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=8).digest()
