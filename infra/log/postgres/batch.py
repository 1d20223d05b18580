"""The appends of many callers as the arguments of one statement."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple
from uuid import UUID

from domain.log import NewEvent

MAX_EVENTS = 1_000
MAX_BYTES = 4 * 1024 * 1024
NO_ROOT = -1
"""A version no stream stands at: such an append is compared with its stream and never stored."""


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
    """Appends in order of arrival, to be stored by one call of ``log.append``.

    The first append of a stream begins its chain, an append that expects the chain's end goes on
    with it: all of them are stored if the stream stands at the root. Any other append of that
    stream is a rival, of which the answer only tells whether it came too late.
    """

    def __init__(self) -> None:
        self.appends: list[PendingAppend] = []
        self._roots: list[int] = []
        self._chains: dict[str, _Chain] = {}
        self._ids: set[UUID] = set()
        self._size = 0

    def take(self, append: PendingAppend) -> bool:
        """Whether there was room. An id that is here already must wait to be compared with it."""
        ids = [event.id for event in append.events]
        if self.appends and not self._has_room(append, ids):
            return False
        self._ids.update(ids)
        self._size += append.size
        self.appends.append(append)
        self._roots.append(self._root_of(append))
        return True

    def columns(self) -> tuple[Sequence[object], ...]:
        """The arguments of ``log.append``."""
        appends = self.appends
        counts = [len(append.events) for append in appends]
        events = [event for append in appends for event in append.events]
        return (
            [append.stream for append in appends],
            [append.expected for append in appends],
            self._roots,
            counts,
            [owner for owner, count in enumerate(counts, 1) for _ in range(count)],
            [ordinal for count in counts for ordinal in range(1, count + 1)],
            [event.id for event in events],
            [event.type for event in events],
            [event.data for event in events],
            [event.metadata for event in events],
        )

    def settle(self, placements: Iterable[Placement]) -> list[PendingAppend]:
        """Answers the callers. Returns the appends to try again: they built on, or raced with, an
        append of this batch. The first append of a stream is always answered, so this ends."""
        again = []
        for append, root, placement in zip(self.appends, self._roots, placements, strict=True):
            stored = placement.position is not None
            too_late = append.expected < placement.actual
            if stored or too_late or append.expected == root:
                append.settle(placement)
            else:
                again.append(append)
        return again

    def _has_room(self, append: PendingAppend, ids: Sequence[UUID]) -> bool:
        return (
            len(self._ids) + len(ids) <= MAX_EVENTS
            and self._size + append.size <= MAX_BYTES
            and self._ids.isdisjoint(ids)
        )

    def _root_of(self, append: PendingAppend) -> int:
        end = append.expected + len(append.events)
        chain = self._chains.get(append.stream)
        if chain is None:
            chain = _Chain(append.expected, end)
        elif chain.end == append.expected:
            chain = _Chain(chain.root, end)
        else:
            return NO_ROOT
        self._chains[append.stream] = chain
        return chain.root
