"""The events of a simulation, stamped with virtual time."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

from domain.log import EVERYTHING, Appended, EventFilter, NewEvent, RecordedEvent
from tests.doubles.memory_log import MemoryStore

Observer = Callable[[Sequence[RecordedEvent]], None]


class SimulatedStore(MemoryStore):
    """Tells observers what it has taken, at once, and wakes its readers in a settled order."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__(now)
        self._observers: list[Observer] = []
        self._readers: dict[asyncio.Event, EventFilter] = {}

    def observe(self, observer: Observer) -> None:
        """Call it with the events of every append, in log order; it may raise a Violation."""
        self._observers.append(observer)

    def append(self, stream: str, events: Sequence[NewEvent], expected_version: int) -> Appended:
        before = len(self.events)
        appended = super().append(stream, events, expected_version)
        if recorded := self.events[before:]:
            self._wake_for(recorded)
            for observe in self._observers:
                observe(recorded)
        return appended

    def watch(self, only: EventFilter = EVERYTHING) -> asyncio.Event:
        """An event that is set whenever an event is taken that the filter admits."""
        wakeup = asyncio.Event()
        self._readers[wakeup] = only
        return wakeup

    def unwatch(self, wakeup: asyncio.Event) -> None:
        self._readers.pop(wakeup, None)

    def wake(self) -> None:
        """What was appended is told apart by ``append`` itself."""

    def _wake_for(self, recorded: Sequence[RecordedEvent]) -> None:
        for wakeup, only in self._readers.items():
            if not wakeup.is_set() and any(map(only.admits, recorded)):
                wakeup.set()
