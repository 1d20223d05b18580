"""One process's way to the log: it fails in every way the port allows, and in no other."""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from datetime import datetime

from domain.log import (
    DEFAULT_PAGE,
    EVERYTHING,
    START,
    Appended,
    CaughtUp,
    EventFilter,
    EventLog,
    LogFailed,
    NewEvent,
    RecordedEvent,
)
from infra.log.admission import admit
from tests.simulation.engine.log_server import Append, LogServer

Page = Sequence[RecordedEvent]


class FaultyLog:
    """``domain.log.EventLog``. A call that a dead process makes never returns."""

    def __init__(self, server: LogServer) -> None:
        self._server = server
        self._store = server.store
        self._closed = False
        self._following: dict[asyncio.Event, None] = {}

    async def append(
        self, stream: str, events: Sequence[NewEvent], *, expected_version: int
    ) -> Appended:
        self._refuse_if_closed()
        admit(stream, events, expected_version)
        await self._server.depart()
        return await self._server.carry(Append(stream, tuple(events), expected_version))

    async def read_stream(
        self, stream: str, *, after_version: int = 0, page_size: int = DEFAULT_PAGE
    ) -> AsyncGenerator[Page]:
        self._refuse_if_closed()
        await self._server.ask()
        events = self._store.streams.get(stream, [])[after_version:]
        async with aclosing(self._answered(events, page_size)) as pages:
            async for page in pages:
                yield page

    async def read_all(
        self,
        *,
        after: int = START,
        until: int | None = None,
        until_time: datetime | None = None,
        only: EventFilter = EVERYTHING,
        page_size: int = DEFAULT_PAGE,
    ) -> AsyncGenerator[Page]:
        self._refuse_if_closed()
        await self._server.ask()
        events = self._store.events[after : self._end(until, until_time)]
        wanted = [event for event in events if only.admits(event)]
        async with aclosing(self._answered(wanted, page_size)) as pages:
            async for page in pages:
                yield page

    async def read_back(
        self, *, until: int | None = None, page_size: int = DEFAULT_PAGE
    ) -> AsyncGenerator[Page]:
        self._refuse_if_closed()
        await self._server.ask()
        events = self._store.events[: self._end(until, None)]
        async with aclosing(self._answered(events[::-1], page_size)) as pages:
            async for page in pages:
                yield page

    async def subscribe(
        self, *, after: int = START, only: EventFilter = EVERYTHING, page_size: int = DEFAULT_PAGE
    ) -> AsyncGenerator[Page | CaughtUp]:
        self._refuse_if_closed()
        wakeup = self._store.watch(only)
        self._following[wakeup] = None
        try:
            while not self._closed:
                wakeup.clear()
                news = self._store.events[after:]
                after += len(news)
                await self._server.deliver()
                for page in self._pages([event for event in news if only.admits(event)], page_size):
                    yield page
                if after == len(self._store.events):
                    yield CaughtUp()
                    await wakeup.wait()
        finally:
            self._store.unwatch(wakeup)
            del self._following[wakeup]

    async def head(self) -> int:
        self._refuse_if_closed()
        await self._server.ask()
        head = len(self._store.events)
        await self._server.answer()
        return head

    async def close(self) -> None:
        """Its subscriptions end."""
        self._closed = True
        for wakeup in self._following:
            wakeup.set()

    async def _answered(self, events: Page, page_size: int) -> AsyncGenerator[Page]:
        """What was read comes late; each page after the first is asked for, and may not come."""
        await self._server.answer()
        first = True
        for page in self._pages(events, page_size):
            if not first:
                await self._server.ask()
            first = False
            yield page

    def _pages(self, events: Page, page_size: int) -> Iterator[Page]:
        for start in range(0, len(events), page_size):
            yield from self._server.cut(events[start : start + page_size])

    def _end(self, until: int | None, until_time: datetime | None) -> int:
        events = self._store.events
        end = len(events) if until is None else min(until, len(events))
        if until_time is None:
            return end
        return min(end, bisect_right(events, until_time, key=lambda event: event.recorded_at))

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise LogFailed("the log is closed")


def _conforms(log: FaultyLog) -> EventLog:
    return log
