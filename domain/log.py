"""The event log port: the one place where facts are kept.

Versions count the events of a stream: the first event of a stream has version 1, and
``expected_version=0`` means "this stream must not exist yet". Positions order all events of all
streams; they only ever grow, and need not be dense.
"""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

START = 0
"""The position before the first event."""

MAX_EVENT_BYTES = 1024 * 1024
"""Data and metadata of one append together: EventStoreDB's default ``MaxAppendSize``."""

DEFAULT_PAGE = 1_000


class NewEvent(msgspec.Struct, frozen=True, gc=False):
    """An event to append. ``data`` and ``metadata`` are UTF-8 JSON objects."""

    id: UUID
    type: str
    data: bytes
    metadata: bytes


class RecordedEvent(msgspec.Struct, frozen=True, gc=False):
    """An event as the log holds it. ``recorded_at`` is the log's own UTC time."""

    id: UUID
    type: str
    data: bytes
    metadata: bytes
    stream: str
    version: int
    position: int
    recorded_at: datetime


class Appended(msgspec.Struct, frozen=True):
    """Where the last event of an append stands."""

    position: int
    version: int


class CaughtUp(msgspec.Struct, frozen=True):
    """A subscription has delivered everything that was in the log when it looked last."""


class EventFilter(msgspec.Struct, frozen=True):
    """Which events a reader wants: any of the types, in any of the categories.

    An empty set does not restrict. The category is a stream's name before its first dash.
    """

    types: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()

    def admits(self, event: RecordedEvent) -> bool:
        if self.types and event.type not in self.types:
            return False
        return not self.categories or category_of(event.stream) in self.categories


EVERYTHING = EventFilter()


def category_of(stream: str) -> str:
    """``order`` of ``order-8c1f…``."""
    return stream.partition("-")[0]


class LogError(Exception):
    """Base of what the log can answer."""


class WrongExpectedVersion(LogError):
    """The stream is not at the version the writer decided on. Nothing was appended.

    ``actual`` is None where the log did not say.
    """

    def __init__(self, stream: str, expected: int, actual: int | None) -> None:
        super().__init__(f"{stream}: expected version {expected}, the log has {actual}")
        self.stream = stream
        self.expected = expected
        self.actual = actual


class EventTooLarge(LogError):
    """An append exceeds MAX_EVENT_BYTES. Nothing was appended."""

    def __init__(self, size: int) -> None:
        super().__init__(f"append of {size} bytes, the log takes {MAX_EVENT_BYTES} at most")
        self.size = size


class LogUnavailable(LogError):
    """No answer. The append may or may not be in the log: retry it with the same event ids."""


class LogFailed(LogError):
    """The log refused or broke for good (disk full, corruption, access denied): do not retry."""


class EventLog(Protocol):
    """Append, read and follow. Every implementation passes ``tests/contract/test_event_log.py``."""

    async def append(
        self, stream: str, events: Sequence[NewEvent], *, expected_version: int
    ) -> Appended:
        """Append all events or none, durable when it returns.

        The same event ids at the same expected version again is the same append and returns the
        same position. Raises WrongExpectedVersion, EventTooLarge, LogUnavailable, LogFailed, and
        ValueError for an empty sequence.
        """
        ...

    def read_stream(
        self, stream: str, *, after_version: int = 0, page_size: int = DEFAULT_PAGE
    ) -> AsyncGenerator[Sequence[RecordedEvent]]:
        """Pages of one stream in order, from ``after_version`` (exclusive) to its end now.

        A missing stream yields nothing.
        """
        ...

    def read_all(
        self,
        *,
        after: int = START,
        until: int | None = None,
        until_time: datetime | None = None,
        only: EventFilter = EVERYTHING,
        page_size: int = DEFAULT_PAGE,
    ) -> AsyncGenerator[Sequence[RecordedEvent]]:
        """Pages of all streams in position order, to the head now or a bound (inclusive).

        ``until_time`` stops before the first event recorded later than it.
        """
        ...

    def read_back(
        self, *, until: int | None = None, page_size: int = DEFAULT_PAGE
    ) -> AsyncGenerator[Sequence[RecordedEvent]]:
        """Pages of all streams, the last event first: from the head now, or from the event at a
        position (inclusive), to the beginning.

        Some logs raise LogFailed where no event is at that position.
        """
        ...

    def subscribe(
        self,
        *,
        after: int = START,
        only: EventFilter = EVERYTHING,
        page_size: int = DEFAULT_PAGE,
    ) -> AsyncGenerator[Sequence[RecordedEvent] | CaughtUp]:
        """Everything after a position, then what comes, until closed.

        Yields non-empty pages and, each time it has delivered all there is, one CaughtUp.
        Reconnects by itself; no event is lost, repeated or reordered. Cancelling the task that
        iterates cancels it.
        """
        ...

    async def head(self) -> int:
        """The position of the last event, START for an empty log."""
        ...

    async def close(self) -> None:
        """Stop background work and connections. Appends under way finish first."""
        ...
