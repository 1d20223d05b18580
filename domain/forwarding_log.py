"""What every log has that stands before another one."""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime

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
)


class ForwardingLog:
    """An EventLog that is another: subclasses change the methods they are there for."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    async def append(
        self, stream: str, events: Sequence[NewEvent], *, expected_version: int
    ) -> Appended:
        return await self._log.append(stream, events, expected_version=expected_version)

    def read_stream(
        self, stream: str, *, after_version: int = 0, page_size: int = DEFAULT_PAGE
    ) -> AsyncGenerator[Sequence[RecordedEvent]]:
        return self._log.read_stream(stream, after_version=after_version, page_size=page_size)

    def read_all(
        self,
        *,
        after: int = START,
        until: int | None = None,
        until_time: datetime | None = None,
        only: EventFilter = EVERYTHING,
        page_size: int = DEFAULT_PAGE,
    ) -> AsyncGenerator[Sequence[RecordedEvent]]:
        return self._log.read_all(
            after=after, until=until, until_time=until_time, only=only, page_size=page_size
        )

    def read_back(
        self, *, until: int | None = None, page_size: int = DEFAULT_PAGE
    ) -> AsyncGenerator[Sequence[RecordedEvent]]:
        return self._log.read_back(until=until, page_size=page_size)

    def subscribe(
        self, *, after: int = START, only: EventFilter = EVERYTHING, page_size: int = DEFAULT_PAGE
    ) -> AsyncGenerator[Sequence[RecordedEvent] | CaughtUp]:
        return self._log.subscribe(after=after, only=only, page_size=page_size)

    async def head(self) -> int:
        return await self._log.head()

    async def close(self) -> None:
        await self._log.close()


def _conforms(log: ForwardingLog) -> EventLog:
    return log
