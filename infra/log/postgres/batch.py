"""The appends of many callers as the arguments of one statement."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from uuid import UUID

import msgspec

from domain.log import NewEvent

MAX_EVENTS = 1_000
MAX_BYTES = 4 * 1024 * 1024


class Placement(msgspec.Struct, frozen=True):
    """How an append went: its stream's version before, and its position if it was appended."""

    actual: int
    position: int | None


class PendingAppend:
    """An admitted append on its way, and the future its caller waits for."""

    __slots__ = ("events", "expected", "placement", "size", "stream")

    def __init__(self, stream: str, events: Sequence[NewEvent], expected: int, size: int) -> None:
        self.stream: Final = stream
        self.events: Final = events
        self.expected: Final = expected
        self.size: Final = size
        self.placement: Final[asyncio.Future[Placement]] = (
            asyncio.get_running_loop().create_future()
        )

    def settle(self, placement: Placement) -> None:
        if not self.placement.done():  # the caller may have been cancelled meanwhile
            self.placement.set_result(placement)

    def fail(self, error: Exception) -> None:
        if not self.placement.done():
            self.placement.set_exception(error)


class Batch:
    """Appends in order of arrival, to be stored together by one call of ``log.append``.

    The first append of a stream begins its chain, an append that expects the chain's end goes on
    with it; the batch can be stored if every stream stands at the root of its chain. Any other
    append of such a stream is a rival: it is not sent, and answered by what becomes of the stream.
    """

    def __init__(self) -> None:
        self.appends: list[PendingAppend] = []
        self._rivals: list[PendingAppend] = []
        self._roots: dict[str, int] = {}
        self._ends: dict[str, int] = {}
        self._events = _Columns()
        self._ids: set[UUID] = set()
        self._size = 0

    def take(self, append: PendingAppend) -> bool:
        """Whether there was room; the first refusal ends the batch."""
        stream, expected = append.stream, append.expected
        if self._ends.get(stream, expected) != expected:
            self._rivals.append(append)
            return True
        if not self._has_room(append):
            return False
        self._roots.setdefault(stream, expected)
        self._ends[stream] = expected + len(append.events)
        self._events.add(append)
        self.appends.append(append)
        return True

    @property
    def streams(self) -> list[str]:
        return list(self._roots)

    def everyone(self) -> list[PendingAppend]:
        return self.appends + self._rivals

    def columns(self) -> tuple[Sequence[object], ...]:
        """The arguments of ``log.append``."""
        begun = {stream: root for stream, root in self._roots.items() if root > 0}
        return (list(begun), list(begun.values()), *self._events.lists)

    def stored(self, head: int) -> list[PendingAppend]:
        """Answers the callers: the events follow ``head``. Returns the rivals to try again."""
        position = head
        for append in self.appends:
            position += len(append.events)
            append.settle(Placement(append.expected, position))
        return self._answer_conflicts(self._rivals, self._ends)

    def refused(self, actual: Mapping[str, int]) -> list[PendingAppend]:
        """Answers the appends whose streams stand elsewhere. Returns the others, to try again."""
        return self._answer_conflicts(self.everyone(), actual)

    def _answer_conflicts(
        self, appends: Iterable[PendingAppend], actual: Mapping[str, int]
    ) -> list[PendingAppend]:
        """An append that expects more than there is may yet come right, unless it is the root: no
        append before it builds up to what it expects."""
        again = []
        for append in appends:
            version, root = actual[append.stream], self._roots[append.stream]
            if append.expected < version or root == append.expected > version:
                append.settle(Placement(version, None))
            else:
                again.append(append)
        return again

    def _has_room(self, append: PendingAppend) -> bool:
        """An event id that is here already has to wait until this batch is stored."""
        number = len(self._ids) + len(append.events)
        self._size += append.size
        self._ids.update([event.id for event in append.events])
        if not self.appends:
            return True
        return number <= MAX_EVENTS and self._size <= MAX_BYTES and number == len(self._ids)


class _Columns:
    """The events of a batch, a list a column, in the order of ``log.append``'s arguments."""

    def __init__(self) -> None:
        self._streams: list[str] = []
        self._versions: list[int] = []
        self._ids: list[UUID] = []
        self._types: list[str] = []
        self._data: list[bytes] = []
        self._metadata: list[bytes] = []

    @property
    def lists(self) -> tuple[Sequence[object], ...]:
        return (
            self._streams,
            self._versions,
            self._ids,
            self._types,
            self._data,
            self._metadata,
        )

    def add(self, append: PendingAppend) -> None:
        for version, event in enumerate(append.events, append.expected + 1):
            self._streams.append(append.stream)
            self._versions.append(version)
            self._ids.append(event.id)
            self._types.append(event.type)
            self._data.append(event.data)
            self._metadata.append(event.metadata)
