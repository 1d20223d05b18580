"""The event log port on EventStoreDB."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
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
    LogUnavailable,
    NewEvent,
    RecordedEvent,
)
from infra.log.eventstoredb.appender import Appender
from infra.log.eventstoredb.connection import Connection
from infra.log.eventstoredb.patience import Patience
from infra.log.eventstoredb.reader import Reader
from infra.log.eventstoredb.subscription import Subscription


class EventStoreDBEventLog:
    """``domain.log.EventLog``: ``async with EventStoreDBEventLog.open(uri) as log``.

    Positions are commit positions, versions are revisions plus one. Appends share a connection,
    reads share a second one, every subscription has its own: a slow or failing one disturbs no
    other.
    """

    def __init__(self, uri: str, patience: Patience | None = None) -> None:
        """``esdb://`` or ``esdb+discover://``, with credentials and TLS as the URI says.

        Raises ValueError for a URI that cannot be right. Connects with the first call.
        """
        self._uri = uri
        self._patience = patience or Patience()
        self._reads = Connection(uri, self._patience)
        self._reader = Reader(self._reads, self._patience)
        self._appender = Appender(Connection(uri, self._patience), self._patience)
        self._closed = False
        self._subscriptions: set[Subscription] = set()

    @classmethod
    @asynccontextmanager
    async def open(
        cls, uri: str, *, patience: Patience | None = None
    ) -> AsyncIterator["EventStoreDBEventLog"]:
        """A log whose server has answered. Raises ValueError, LogUnavailable and LogFailed."""
        log = cls(uri, patience)
        try:
            await log.reach()
            yield log
        finally:
            await log.close()

    async def reach(self) -> None:
        """Ask the server something. Raises LogUnavailable that says where nobody answers."""
        seconds = self._patience.connect
        try:
            async with asyncio.timeout(seconds):
                await self.head()
        except (LogUnavailable, TimeoutError) as error:
            reason = str(error) or f"nothing within {seconds} s"
            where = self._reads.targets
            raise LogUnavailable(f"no EventStoreDB answers at {where}: {reason}") from error

    async def append(
        self, stream: str, events: Sequence[NewEvent], *, expected_version: int
    ) -> Appended:
        return await self._appender.append(stream, events, expected_version)

    def read_stream(
        self, stream: str, *, after_version: int = 0, page_size: int = DEFAULT_PAGE
    ) -> AsyncGenerator[Sequence[RecordedEvent]]:
        return self._reader.read_stream(stream, after_version, page_size)

    def read_all(
        self,
        *,
        after: int = START,
        until: int | None = None,
        until_time: datetime | None = None,
        only: EventFilter = EVERYTHING,
        page_size: int = DEFAULT_PAGE,
    ) -> AsyncGenerator[Sequence[RecordedEvent]]:
        return self._reader.read_all(after, until, until_time, only, page_size)

    def read_back(
        self, *, until: int | None = None, page_size: int = DEFAULT_PAGE
    ) -> AsyncGenerator[Sequence[RecordedEvent]]:
        return self._reader.read_back(until, page_size)

    async def subscribe(
        self,
        *,
        after: int = START,
        only: EventFilter = EVERYTHING,
        page_size: int = DEFAULT_PAGE,
    ) -> AsyncGenerator[Sequence[RecordedEvent] | CaughtUp]:
        self._refuse_if_closed()
        subscription = Subscription(
            Connection(self._uri, self._patience),
            self._patience,
            after=after,
            only=only,
            page_size=page_size,
        )
        self._subscriptions.add(subscription)
        try:
            async with aclosing(subscription.pages()) as pages:
                async for page in pages:
                    yield page
        finally:
            self._subscriptions.discard(subscription)

    async def head(self) -> int:
        return await self._reader.head()

    async def close(self) -> None:
        """Appends under way finish; subscriptions end."""
        self._closed = True
        await self._appender.close()
        for subscription in tuple(self._subscriptions):
            subscription.close()
        await self._reads.close()

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise LogFailed("the log is closed")


def _conforms(log: EventStoreDBEventLog) -> EventLog:
    return log
