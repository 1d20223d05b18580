"""One process's way to the log: it fails in every way the port allows, and in no other."""

from collections.abc import AsyncGenerator, Sequence
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
from tests.doubles.memory_log import MemoryEventLog
from tests.simulation.engine.log_server import Append, LogServer

Page = Sequence[RecordedEvent]


class FaultyLog:
    """``domain.log.EventLog``. A call that a dead process makes never returns."""

    def __init__(self, server: LogServer) -> None:
        self._server = server
        self._memory = MemoryEventLog(server.store)
        self._closed = False

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
        pages = self._memory.read_stream(stream, after_version=after_version, page_size=page_size)
        async with aclosing(self._asked(pages)) as answers:
            async for page in answers:
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
        pages = self._memory.read_all(
            after=after, until=until, until_time=until_time, only=only, page_size=page_size
        )
        async with aclosing(self._asked(pages)) as answers:
            async for page in answers:
                yield page

    async def subscribe(
        self, *, after: int = START, only: EventFilter = EVERYTHING, page_size: int = DEFAULT_PAGE
    ) -> AsyncGenerator[Page | CaughtUp]:
        self._refuse_if_closed()
        news = self._memory.subscribe(after=after, only=only, page_size=page_size)
        async with aclosing(news) as pages:
            async for page in pages:
                await self._server.deliver()
                if isinstance(page, CaughtUp):
                    yield page
                else:
                    for part in self._server.cut(page):
                        yield part

    async def head(self) -> int:
        self._refuse_if_closed()
        await self._server.ask()
        return len(self._server.store.events)

    async def close(self) -> None:
        """Its subscriptions end."""
        self._closed = True
        await self._memory.close()

    async def _asked(self, pages: AsyncGenerator[Page]) -> AsyncGenerator[Page]:
        """Each page after the first is asked for anew, and may not come."""
        first = True
        async with aclosing(pages):
            async for page in pages:
                for part in self._server.cut(page):
                    if not first:
                        await self._server.ask()
                    first = False
                    yield part

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise LogFailed("the log is closed")


def _conforms(log: FaultyLog) -> EventLog:
    return log
