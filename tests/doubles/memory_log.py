"""An event log in memory, for tests of what is built on the log. It passes the contract suite."""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice

from domain.log import (
    DEFAULT_PAGE,
    EVERYTHING,
    START,
    Appended,
    CaughtUp,
    EventFilter,
    EventLog,
    LogError,
    LogFailed,
    LogUnavailable,
    NewEvent,
    RecordedEvent,
    WrongExpectedVersion,
)
from infra.log.admission import admit

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class MemoryStore:
    """The events, and the clock that stamps them: one microsecond an event unless told otherwise.

    Position ``n`` stands at ``events[n - 1]``. Several logs may share one store.
    """

    def __init__(self, now: Callable[[], datetime] | None = None) -> None:
        self.events: list[RecordedEvent] = []
        self.streams: dict[str, list[RecordedEvent]] = {}
        self._ids: set[object] = set()
        self._now = now or self._tick
        self._wakeups: set[asyncio.Event] = set()

    def append(self, stream: str, events: Sequence[NewEvent], expected_version: int) -> Appended:
        recorded = self.streams.get(stream, [])
        if expected_version != len(recorded):
            return _same_append(stream, events, expected_version, recorded)
        if not self._ids.isdisjoint(event.id for event in events):
            raise LogFailed(f"{stream}: an event id stands elsewhere in the log")
        for event in events:
            self._record(stream, event)
        self.wake()
        return Appended(len(self.events), len(self.streams[stream]))

    def watch(self) -> asyncio.Event:
        """An event that is set at every append, until ``unwatch``."""
        wakeup = asyncio.Event()
        self._wakeups.add(wakeup)
        return wakeup

    def unwatch(self, wakeup: asyncio.Event) -> None:
        self._wakeups.discard(wakeup)

    def wake(self) -> None:
        for wakeup in self._wakeups:
            wakeup.set()

    def _record(self, stream: str, event: NewEvent) -> None:
        versions = self.streams.setdefault(stream, [])
        latest = self.events[-1].recorded_at if self.events else EPOCH
        recorded = RecordedEvent(
            event.id,
            event.type,
            event.data,
            event.metadata,
            stream,
            version=len(versions) + 1,
            position=len(self.events) + 1,
            recorded_at=max(latest, self._now()),
        )
        self._ids.add(event.id)
        self.events.append(recorded)
        versions.append(recorded)

    def _tick(self) -> datetime:
        return EPOCH + timedelta(microseconds=len(self.events))


class MemoryEventLog:
    """``domain.log.EventLog`` over a MemoryStore.

    ``refuse_next`` makes the next append fail with nothing stored; ``lose_next_answer`` stores the
    next append and raises LogUnavailable all the same.
    """

    def __init__(self, store: MemoryStore | None = None) -> None:
        self.store = store or MemoryStore()
        self._refusals: list[LogError] = []
        self._lost_answers = 0
        self._closed = False

    def refuse_next(self, error: LogError) -> None:
        self._refusals.append(error)

    def lose_next_answer(self) -> None:
        self._lost_answers += 1

    async def append(
        self, stream: str, events: Sequence[NewEvent], *, expected_version: int
    ) -> Appended:
        self._refuse_if_closed()
        admit(stream, events, expected_version)
        await asyncio.sleep(0)  # other tasks may win the race here, as over a network
        if self._refusals:
            raise self._refusals.pop(0)
        appended = self.store.append(stream, events, expected_version)
        if self._lost_answers:
            self._lost_answers -= 1
            raise LogUnavailable("the answer was lost")
        return appended

    async def read_stream(
        self, stream: str, *, after_version: int = 0, page_size: int = DEFAULT_PAGE
    ) -> AsyncGenerator[Sequence[RecordedEvent]]:
        self._refuse_if_closed()
        await asyncio.sleep(0)
        recorded = self.store.streams.get(stream, [])
        for page in _pages(recorded[after_version:], page_size):
            yield page
            await asyncio.sleep(0)

    async def read_all(
        self,
        *,
        after: int = START,
        until: int | None = None,
        until_time: datetime | None = None,
        only: EventFilter = EVERYTHING,
        page_size: int = DEFAULT_PAGE,
    ) -> AsyncGenerator[Sequence[RecordedEvent]]:
        self._refuse_if_closed()
        await asyncio.sleep(0)
        end = _bound(self.store.events, until, until_time)
        wanted = filter(only.admits, self.store.events[after:end])
        for page in _pages(wanted, page_size):
            yield page
            await asyncio.sleep(0)

    async def read_back(
        self, *, until: int | None = None, page_size: int = DEFAULT_PAGE
    ) -> AsyncGenerator[Sequence[RecordedEvent]]:
        self._refuse_if_closed()
        await asyncio.sleep(0)
        end = _bound(self.store.events, until, None)
        for page in _pages(reversed(self.store.events[:end]), page_size):
            yield page
            await asyncio.sleep(0)

    async def subscribe(
        self, *, after: int = START, only: EventFilter = EVERYTHING, page_size: int = DEFAULT_PAGE
    ) -> AsyncGenerator[Sequence[RecordedEvent] | CaughtUp]:
        self._refuse_if_closed()
        wakeup = self.store.watch()
        caught_up = False
        try:
            while not self._closed:
                wakeup.clear()
                head = len(self.store.events)
                wanted = filter(only.admits, self.store.events[after:head])
                for page in _pages(wanted, page_size):
                    caught_up = False
                    yield page
                after = max(after, head)
                if not caught_up:
                    caught_up = True
                    yield CaughtUp()
                await wakeup.wait()
        finally:
            self.store.unwatch(wakeup)

    async def head(self) -> int:
        self._refuse_if_closed()
        return len(self.store.events)

    async def close(self) -> None:
        self._closed = True
        self.store.wake()

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise LogFailed("the log is closed")


def _same_append(
    stream: str, events: Sequence[NewEvent], expected: int, recorded: Sequence[RecordedEvent]
) -> Appended:
    """Where the append stands if it was made before; otherwise it conflicts."""
    last = expected + len(events)
    stored = [event.id for event in recorded[expected:last]]
    if stored != [event.id for event in events]:
        raise WrongExpectedVersion(stream, expected, len(recorded))
    return Appended(recorded[last - 1].position, last)


def _bound(events: Sequence[RecordedEvent], until: int | None, until_time: datetime | None) -> int:
    end = len(events) if until is None else min(until, len(events))
    if until_time is None:
        return end
    return min(end, bisect_right(events, until_time, key=lambda event: event.recorded_at))


def _pages(events: Iterable[RecordedEvent], size: int) -> Iterator[Sequence[RecordedEvent]]:
    remaining = iter(events)
    while page := list(islice(remaining, size)):
        yield page


def _conforms(log: MemoryEventLog) -> EventLog:
    return log
