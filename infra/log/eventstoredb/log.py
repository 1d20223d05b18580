"""The event log port on EventStoreDB."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import Self

from domain.log import (
    DEFAULT_PAGE,
    EVERYTHING,
    START,
    Appended,
    CaughtUp,
    EventFilter,
    LogUnavailable,
    NewEvent,
    RecordedEvent,
)
from infra.log.eventstoredb.appender import Appender
from infra.log.eventstoredb.connection import Connection
from infra.log.eventstoredb.patience import Patience
from infra.log.eventstoredb.reader import Reader
from infra.log.eventstoredb.subscription import Subscription


class EventStoreDBLog:
    """``domain.log.EventLog``; positions are commit positions, versions are revisions plus one.

    Appends share a connection, reads share a second one, every subscription has its own: a slow
    or failing one disturbs no other.
    """

    def __init__(self, uri: str, patience: Patience | None = None) -> None:
        """``esdb://`` or ``esdb+discover://``, with credentials and TLS as the URI says.

        Raises ValueError for a URI that cannot be right. Connects with the first call; use
        ``connect`` to learn at once whether a server answers.
        """
        self._uri = uri
        self._patience = patience or Patience()
        self._reads = Connection(uri, self._patience)
        self._reader = Reader(self._reads, self._patience)
        self._appender = Appender(Connection(uri, self._patience), self._patience)
        self._subscriptions: set[Subscription] = set()

    @classmethod
    async def connect(cls, uri: str, patience: Patience | None = None) -> Self:
        """A log whose server has answered. Raises ValueError, LogUnavailable, LogFailed."""
        log = cls(uri, patience)
        try:
            async with asyncio.timeout(log._patience.connect):
                await log.head()
        except (LogUnavailable, TimeoutError) as error:
            await log.close()
            reason = str(error) or f"nothing within {log._patience.connect} s"
            where = log._reads.targets
            raise LogUnavailable(f"no EventStoreDB answers at {where}: {reason}") from error
        except BaseException:
            await log.close()
            raise
        return log

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

    async def subscribe(
        self,
        *,
        after: int = START,
        only: EventFilter = EVERYTHING,
        page_size: int = DEFAULT_PAGE,
    ) -> AsyncGenerator[Sequence[RecordedEvent] | CaughtUp]:
        connection = Connection(self._uri, self._patience)
        subscription = Subscription(
            connection, self._patience, after=after, only=only, page_size=page_size
        )
        self._subscriptions.add(subscription)
        pages = subscription.pages()
        try:
            async for page in pages:
                yield page
        finally:
            self._subscriptions.discard(subscription)
            await pages.aclose()

    async def head(self) -> int:
        return await self._reader.head()

    async def close(self) -> None:
        """Appends under way finish; readers and subscribers get LogUnavailable."""
        await self._appender.close()
        for subscription in tuple(self._subscriptions):
            subscription.close()
        await self._reads.close()
