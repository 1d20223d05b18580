"""Erasures are asked for, done, and final: nothing is recorded of a subject from the first on."""

from collections.abc import Iterator

from domain.client.events import (
    ClientDetailsRecorded,
    ClientEvent,
    SubjectErased,
    SubjectErasureRequested,
)
from replay.verify.checks.check import finding
from replay.verify.fact import Fact
from replay.verify.finding import Finding


class ErasuresCheck:
    """Remembers the streams of the subjects that were to be erased, and which of them are not.

    Whether a key is gone is not in the log: ``patriot subject show`` looks for it.
    """

    name = "erasures are final"

    def __init__(self) -> None:
        self.examined = 0
        self._asked: set[str] = set()
        self._open: dict[str, int] = {}

    def note(self, fact: Fact) -> Finding | None:
        return self._check(fact, fact.event) if isinstance(fact.event, ClientEvent) else None

    def finish(self) -> Iterator[Finding]:
        for stream, position in self._open.items():
            yield Finding(stream, position, "it was to be erased, and that is not done")

    def _check(self, fact: Fact, event: ClientEvent) -> Finding | None:
        stream = fact.recorded.stream
        self.examined += 1
        match event:
            case SubjectErasureRequested():
                self._asked.add(stream)
                self._open[stream] = fact.recorded.position
            case SubjectErased() if self._open.pop(stream, None) is None:
                return finding(fact, "it was erased, and nobody had asked for that")
            case ClientDetailsRecorded() if stream in self._asked:
                return finding(fact, "details were recorded after it was to be erased")
            case _:
                pass
        return None
