"""Logs in memory of events that were recorded at given times."""

from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

import pytest
from msgspec.structs import replace

from domain.log import EVERYTHING, START, EventFilter, LogFailed, NewEvent, RecordedEvent
from tests.doubles.memory_log import EPOCH, MemoryEventLog, MemoryStore

Pages = AsyncGenerator[Sequence[RecordedEvent]]


class SparseLog(MemoryEventLog):
    """Positions are ten apart, and only those of events can be read from."""

    async def head(self) -> int:
        return 10 * await super().head()

    async def read_all(
        self,
        *,
        after: int = START,
        until: int | None = None,
        until_time: datetime | None = None,
        only: EventFilter = EVERYTHING,
        page_size: int = 1_000,
    ) -> AsyncGenerator[Sequence[RecordedEvent]]:
        if after % 10:
            raise LogFailed("Invalid position.")
        until = None if until is None else until // 10
        async for page in super().read_all(
            after=after // 10, until=until, until_time=until_time, page_size=page_size
        ):
            yield [replace(event, position=10 * event.position) for event in page]

    async def read_stream(
        self, stream: str, *, after_version: int = 0, page_size: int = 1_000
    ) -> AsyncGenerator[Sequence[RecordedEvent]]:
        pages = super().read_stream(stream, after_version=after_version, page_size=page_size)
        async for page in pages:
            yield [replace(event, position=10 * event.position) for event in page]

    async def read_back(
        self, *, until: int | None = None, page_size: int = 1_000
    ) -> AsyncGenerator[Sequence[RecordedEvent]]:
        if until is not None and until % 10:
            raise LogFailed("Invalid position.")
        until = None if until is None else until // 10
        async for page in super().read_back(until=until, page_size=page_size):
            yield [replace(event, position=10 * event.position) for event in page]


async def log_recorded_at(
    seconds: Sequence[int], kind: type[MemoryEventLog], streams: int = 1
) -> MemoryEventLog:
    """One event at each of the times, in this order, in one stream after the other."""
    store = MemoryStore()
    for number, second in enumerate(seconds):
        event = NewEvent(uuid5(NAMESPACE_URL, str(number)), "Anything", b"{}", b"{}")
        stream = f"thing-{number % streams}"
        store.append(stream, [event], number // streams)
        # Not by the store's clock, which never goes back.
        at = EPOCH + timedelta(seconds=second)
        store.events[-1] = store.streams[stream][-1] = replace(store.events[-1], recorded_at=at)
    return kind(store)


class Counting:
    """Every event that is read from a log, and every read."""

    def __init__(self, log: MemoryEventLog, monkeypatch: pytest.MonkeyPatch) -> None:
        self.read = self.reads = 0
        for name in ("read_all", "read_back", "read_stream"):
            monkeypatch.setattr(log, name, self._counted(getattr(log, name)))

    def _counted(self, read: Callable[..., Pages]) -> Callable[..., Pages]:
        async def counted(*stream: str, **bounds: object) -> Pages:
            self.reads += 1
            async for page in read(*stream, **bounds):
                self.read += len(page)
                yield page

        return counted
