"""A log that looks empty on a server that is not: what was there before is out of sight."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import datetime
from uuid import uuid4

import msgspec

from domain.log import (
    DEFAULT_PAGE,
    EVERYTHING,
    START,
    Appended,
    CaughtUp,
    EventFilter,
    EventLog,
    NewEvent,
    RecordedEvent,
    WrongExpectedVersion,
)


class FreshView:
    """Starts at the head of a log, and gives every stream a name that no other view uses."""

    def __init__(self, log: EventLog, base: int, suffix: str) -> None:
        self._log = log
        self._base = base
        self._suffix = suffix

    @classmethod
    async def of(cls, log: EventLog) -> "FreshView":
        return cls(log, await log.head(), f"-{uuid4().hex}")

    def through(self, log: EventLog) -> "FreshView":
        """The same view by way of another log on the same store."""
        return FreshView(log, self._base, self._suffix)

    async def append(
        self, stream: str, events: Sequence[NewEvent], *, expected_version: int
    ) -> Appended:
        try:
            return await self._log.append(
                stream + self._suffix, events, expected_version=expected_version
            )
        except WrongExpectedVersion as wrong:
            raise WrongExpectedVersion(stream, wrong.expected, wrong.actual) from wrong

    async def read_stream(
        self, stream: str, *, after_version: int = 0, page_size: int = DEFAULT_PAGE
    ) -> AsyncGenerator[Sequence[RecordedEvent]]:
        pages = self._log.read_stream(
            stream + self._suffix, after_version=after_version, page_size=page_size
        )
        async with aclosing(pages):
            async for page in pages:
                yield self._renamed(page)

    async def read_all(
        self,
        *,
        after: int = START,
        until: int | None = None,
        until_time: datetime | None = None,
        only: EventFilter = EVERYTHING,
        page_size: int = DEFAULT_PAGE,
    ) -> AsyncGenerator[Sequence[RecordedEvent]]:
        pages = self._log.read_all(
            after=after or self._base,
            until=until,
            until_time=until_time,
            only=only,
            page_size=page_size,
        )
        async with aclosing(pages):
            async for page in pages:
                yield self._renamed(page)

    async def read_back(
        self, *, until: int | None = None, page_size: int = DEFAULT_PAGE
    ) -> AsyncGenerator[Sequence[RecordedEvent]]:
        async with aclosing(self._log.read_back(until=until, page_size=page_size)) as pages:
            async for page in pages:
                ours = [event for event in page if event.position > self._base]
                if ours:
                    yield self._renamed(ours)
                if len(ours) < len(page):
                    return

    async def subscribe(
        self,
        *,
        after: int = START,
        only: EventFilter = EVERYTHING,
        page_size: int = DEFAULT_PAGE,
    ) -> AsyncGenerator[Sequence[RecordedEvent] | CaughtUp]:
        news = self._log.subscribe(after=after or self._base, only=only, page_size=page_size)
        async with aclosing(news):
            async for page in news:
                yield page if isinstance(page, CaughtUp) else self._renamed(page)

    async def head(self) -> int:
        head = await self._log.head()
        return START if head == self._base else head

    async def close(self) -> None:
        await self._log.close()

    def _renamed(self, page: Sequence[RecordedEvent]) -> list[RecordedEvent]:
        return [
            msgspec.structs.replace(event, stream=event.stream.removesuffix(self._suffix))
            for event in page
        ]
