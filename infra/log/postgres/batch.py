"""The appends of many callers as the arguments of one statement."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple
from uuid import UUID

from domain.log import NewEvent

MAX_EVENTS = 1_000
MAX_BYTES = 4 * 1024 * 1024


class Placement(NamedTuple):
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

    @property
    def versions(self) -> range:
        """Of its events, if it is stored."""
        return range(self.expected + 1, self.expected + len(self.events) + 1)

    def settle(self, placement: Placement) -> None:
        if not self.placement.done():  # the caller may have been cancelled meanwhile
            self.placement.set_result(placement)

    def fail(self, error: Exception) -> None:
        if not self.placement.done():
            self.placement.set_exception(error)


class _Chain(NamedTuple):
    """Appends of one stream in this batch that build on each other."""

    root: int
    end: int


class Batch:
    """Appends in order of arrival, to be stored together by one call of ``log.append``.

    The first append of a stream begins its chain, an append that expects the chain's end goes on
    with it; the batch can be stored if every stream stands at the root of its chain. Any other
    append of such a stream is a rival: it is not sent, and answered by what becomes of the stream.
    """

    def __init__(self) -> None:
        self.appends: list[PendingAppend] = []
        self._rivals: list[PendingAppend] = []
        self._chains: dict[str, _Chain] = {}
        self._ids: set[UUID] = set()
        self._size = 0

    def take(self, append: PendingAppend) -> bool:
        """Whether there was room. An event id that is here already waits for another batch."""
        chain = self._chains.get(append.stream)
        if chain is not None and chain.end != append.expected:
            self._rivals.append(append)
            return True
        ids = [event.id for event in append.events]
        if self.appends and not self._has_room(append, ids):
            return False
        root = append.expected if chain is None else chain.root
        self._chains[append.stream] = _Chain(root, append.expected + len(ids))
        self._ids.update(ids)
        self._size += append.size
        self.appends.append(append)
        return True

    @property
    def streams(self) -> list[str]:
        return list(self._chains)

    def everyone(self) -> list[PendingAppend]:
        return self.appends + self._rivals

    def columns(self) -> tuple[Sequence[object], ...]:
        """The arguments of ``log.append``."""
        events = [event for append in self.appends for event in append.events]
        return (
            list(self._chains),
            [chain.root for chain in self._chains.values()],
            [append.stream for append in self.appends for _ in append.events],
            [version for append in self.appends for version in append.versions],
            [event.id for event in events],
            [event.type for event in events],
            [event.data for event in events],
            [event.metadata for event in events],
        )

    def stored(self, head: int) -> list[PendingAppend]:
        """Answers the callers: the events follow ``head``. Returns the rivals to try again."""
        position = head
        for append in self.appends:
            position += len(append.events)
            append.settle(Placement(append.expected, position))
        ends = {stream: chain.end for stream, chain in self._chains.items()}
        return self._answer_conflicts(self._rivals, ends)

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
            version, root = actual[append.stream], self._chains[append.stream].root
            if append.expected < version or root == append.expected > version:
                append.settle(Placement(version, None))
            else:
                again.append(append)
        return again

    def _has_room(self, append: PendingAppend, ids: Sequence[UUID]) -> bool:
        return (
            len(self._ids) + len(ids) <= MAX_EVENTS
            and self._size + append.size <= MAX_BYTES
            and self._ids.isdisjoint(ids)
        )
