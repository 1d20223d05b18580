"""The log as a leader sees it: nothing is appended once the lease may be lost."""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime

from domain.execution.lease import Lease, require
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


class LeasedLog:
    """An EventLog whose ``append`` raises LeaseLost without a lease.

    An append that was on its way when the lease ran out can still arrive: the expected version is
    what makes it harmless, for the next leader has changed every stream the old one was about to.
    """

    def __init__(self, log: EventLog, lease: Lease) -> None:
        self._log = log
        self._lease = lease

    async def append(
        self, stream: str, events: Sequence[NewEvent], *, expected_version: int
    ) -> Appended:
        require(self._lease)
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


def _conforms(log: LeasedLog) -> EventLog:
    return log
