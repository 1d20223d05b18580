"""The event log in a PostgreSQL table."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

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
    WrongExpectedVersion,
)
from infra.log.admission import admit
from infra.log.postgres.batch import Placement
from infra.log.postgres.connection import (
    connect_listener,
    connect_writer,
    open_readers,
    prepare_database,
)
from infra.log.postgres.failures import log_errors
from infra.log.postgres.pages import Page
from infra.log.postgres.reader import PatientReader, Reader
from infra.log.postgres.session import AppendSession
from infra.log.postgres.subscription import follow
from infra.log.postgres.wakeups import Wakeups
from infra.log.postgres.writer import OrderedWriter

if TYPE_CHECKING:
    from asyncpg import Record
    from asyncpg.pool import Pool

READERS = 8


class PostgresEventLog:
    """``domain.log.EventLog``: ``async with PostgresEventLog.open(dsn) as log``.

    Any number of processes may open logs on one database.
    """

    def __init__(self, writer: OrderedWriter, pool: "Pool[Record]", wakeups: Wakeups) -> None:
        """Takes parts that are open already: use ``open``."""
        self._writer = writer
        self._pool = pool
        self._wakeups = wakeups
        self._reader = Reader(pool)
        self._patient_reader = PatientReader(pool)
        self._closed = False

    @classmethod
    @asynccontextmanager
    async def open(cls, dsn: str, *, readers: int = READERS) -> AsyncIterator["PostgresEventLog"]:
        """Creates the schema if it is missing. Up to ``readers`` connections serve the reads, one
        the appends, and one the subscriptions. Raises LogUnavailable and LogFailed."""
        writer = OrderedWriter(AppendSession(partial(connect_writer, dsn)))
        with log_errors():
            await prepare_database(dsn)
            pool = await open_readers(dsn, readers)
            await writer.start()
        log = cls(writer, pool, Wakeups(partial(connect_listener, dsn)))
        try:
            yield log
        finally:
            await log.close()

    async def append(
        self, stream: str, events: Sequence[NewEvent], *, expected_version: int
    ) -> Appended:
        size = admit(stream, events, expected_version)
        placement = await self._writer.append(stream, events, expected_version, size)
        version = expected_version + len(events)
        if placement.position is not None:
            return Appended(placement.position, version)
        position = await self._stored_position(stream, events, expected_version, placement)
        return Appended(position, version)

    async def read_stream(
        self, stream: str, *, after_version: int = 0, page_size: int = DEFAULT_PAGE
    ) -> AsyncGenerator[Sequence[RecordedEvent]]:
        self._refuse_if_closed()
        async with aclosing(self._reader.stream_pages(stream, after_version, page_size)) as pages:
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
    ) -> AsyncGenerator[Sequence[RecordedEvent]]:
        self._refuse_if_closed()
        end = await self._reader.bound(until, until_time)
        async with aclosing(self._reader.all_pages(after, end, only, page_size)) as pages:
            async for page in pages:
                yield page

    async def read_back(
        self, *, until: int | None = None, page_size: int = DEFAULT_PAGE
    ) -> AsyncGenerator[Sequence[RecordedEvent]]:
        self._refuse_if_closed()
        async with aclosing(self._reader.pages_back(until, page_size)) as pages:
            async for page in pages:
                yield page

    async def subscribe(
        self,
        *,
        after: int = START,
        only: EventFilter = EVERYTHING,
        page_size: int = DEFAULT_PAGE,
    ) -> AsyncGenerator[Page | CaughtUp]:
        self._refuse_if_closed()
        with self._wakeups.watch() as wakeup:
            following = follow(self._patient_reader, wakeup, after, only, page_size)
            async with aclosing(following) as news:
                try:
                    async for page in news:
                        yield page
                except LogFailed:
                    if not self._closed:
                        raise

    @property
    def halted(self) -> str | None:
        """Why it takes no more appends, once it does not: until it is opened anew."""
        return self._writer.refusal

    async def head(self) -> int:
        self._refuse_if_closed()
        return await self._reader.head()

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        await self._writer.close()
        await self._pool.close()
        await self._wakeups.close()  # last: subscriptions wake and find the log closed

    async def _stored_position(
        self, stream: str, events: Sequence[NewEvent], expected: int, placement: Placement
    ) -> int:
        """Where the same append stands already. What is stored never changes, so this needs no
        lock. Raises WrongExpectedVersion if other events stand there."""
        stored = await self._reader.stored(stream, expected, len(events))
        if [id_ for id_, _ in stored] != [event.id for event in events]:
            raise WrongExpectedVersion(stream, expected, placement.actual)
        return stored[-1][1]

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise LogFailed("the log is closed")


def _conforms(log: PostgresEventLog) -> EventLog:
    return log
