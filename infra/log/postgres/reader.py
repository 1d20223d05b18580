"""Reads in keyset pages. A reader that pauses holds no connection."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING
from uuid import UUID

import stamina

from domain.cancellation import heed_cancellation
from domain.log import EVERYTHING, EventFilter, LogFailed, LogUnavailable, RecordedEvent
from infra.log.postgres import statements
from infra.log.postgres.failures import log_errors
from infra.log.postgres.pages import Page, read_ahead

if TYPE_CHECKING:
    from asyncpg import Record
    from asyncpg.pool import Pool

WINDOW = 100_000
"""Positions that one statement with a filter looks at."""

_position = attrgetter("position")
_version = attrgetter("version")


def _may_pass(error: Exception) -> bool:
    heed_cancellation()
    return isinstance(error, LogUnavailable)


_patiently = stamina.retry(
    on=_may_pass, attempts=None, timeout=None, wait_initial=0.05, wait_max=2, wait_jitter=0.1
)


class Reader:
    """Everything that only reads. Raises LogUnavailable and LogFailed."""

    def __init__(self, pool: "Pool[Record]") -> None:
        self._pool = pool

    async def head(self) -> int:
        return await self._number(statements.HEAD)

    async def bound(self, until: int | None, until_time: datetime | None) -> int:
        """The last position to read: the head now, or what comes before it."""
        return await self._number(statements.BOUND, until, until_time)

    async def stored(self, stream: str, after_version: int, count: int) -> list[tuple[UUID, int]]:
        """Id and position of the events that follow a version of a stream."""
        with self._asking():
            rows = await self._pool.fetch(statements.STORED, stream, after_version, count)
        return [(row[0], row[1]) for row in rows]

    async def all_pages(
        self, after: int, end: int, only: EventFilter, page_size: int
    ) -> AsyncGenerator[Page]:
        """Positions above ``after`` up to ``end``."""

        async def fetch(cursor: int) -> Page:
            if only == EVERYTHING:
                return await self._events(statements.READ_ALL, cursor, end, page_size)
            return await self._admitted(cursor, end, only, page_size)

        if after < end:
            async with aclosing(read_ahead(fetch, _position, after, end)) as pages:
                async for page in pages:
                    yield page

    async def pages_back(self, until: int | None, page_size: int) -> AsyncGenerator[Page]:
        """From the head now, or a position, to the beginning."""
        end = await self.bound(until, None)
        while page := await self._events(statements.READ_BACK, end, page_size):
            yield page
            end = page[-1].position - 1

    async def stream_pages(
        self, stream: str, after_version: int, page_size: int
    ) -> AsyncGenerator[Page]:
        """Versions above ``after_version`` up to the stream's end now."""
        end = await self._number(statements.STREAM_VERSION, stream)

        async def fetch(cursor: int) -> Page:
            return await self._events(statements.READ_STREAM, stream, cursor, end, page_size)

        if after_version < end:
            async with aclosing(read_ahead(fetch, _version, after_version, end)) as pages:
                async for page in pages:
                    yield page

    async def _admitted(self, cursor: int, end: int, only: EventFilter, page_size: int) -> Page:
        """The next events that pass the filter. However rare they are, no statement runs long."""
        types, categories = list(only.types), list(only.categories)
        while cursor < end:
            window = min(end, cursor + WINDOW)
            page = await self._events(
                statements.READ_ALL_FILTERED, cursor, window, page_size, types, categories
            )
            if page:
                return page
            cursor = window
        return []

    @contextmanager
    def _asking(self) -> Iterator[None]:
        if self._pool.is_closing():
            raise LogFailed("the log is closed")
        with log_errors():
            yield

    async def _events(self, statement: str, *arguments: object) -> list[RecordedEvent]:
        with self._asking():
            rows = await self._pool.fetch(statement, *arguments)
        return [RecordedEvent(*row) for row in rows]

    async def _number(self, statement: str, *arguments: object) -> int:
        with self._asking():
            number: int = await self._pool.fetchval(statement, *arguments)
        return number


class PatientReader(Reader):
    """Asks again, for as long as it takes, where a Reader raises LogUnavailable."""

    @_patiently
    async def _events(self, statement: str, *arguments: object) -> list[RecordedEvent]:
        return await super()._events(statement, *arguments)

    @_patiently
    async def _number(self, statement: str, *arguments: object) -> int:
        return await super()._number(statement, *arguments)
