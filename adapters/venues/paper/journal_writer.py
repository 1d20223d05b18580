"""Group commit: while the journal writes one group of steps, the next gathers."""

import asyncio
from collections import deque
from collections.abc import Callable

import msgspec

from adapters.venues.paper.entry import Entry
from adapters.venues.paper.journal import PaperJournal
from domain.venue import VenueUnavailable
from infra.failpoints import failpoints

MAX_WAITING = 20_000
"""Steps the journal may be behind by before the venue takes no more."""

MAX_GROUP = 2_000
"""Steps in one durable write."""


class _Waiting(msgspec.Struct):
    entries: tuple[Entry, ...]
    written: asyncio.Future[None] | None


class JournalWriter:
    """Writes steps in the order in which they are put, and publishes each once it is durable.

    ``position`` counts the entries already in the journal.
    """

    def __init__(
        self, journal: PaperJournal, position: int, publish: Callable[[Entry], None]
    ) -> None:
        self._journal = journal
        self._position = position
        self._publish = publish
        self._waiting: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self.is_stopped = False

    @property
    def is_full(self) -> bool:
        """True when the owner must not put more: too far behind, or stopped."""
        return self.is_stopped or len(self._waiting) >= MAX_WAITING

    def put(self, entries: tuple[Entry, ...]) -> None:
        """Write the entries of a step that nobody waits for."""
        if entries:
            self._add(_Waiting(entries, None))

    async def write(self, entries: tuple[Entry, ...]) -> None:
        """Return when these entries, and all put before them, are durable.

        Raises VenueUnavailable if the writer stopped first: they may be durable or not.
        """
        if self.is_stopped:
            raise VenueUnavailable("the venue has stopped")
        if not entries and not self._waiting:
            return
        written = asyncio.get_running_loop().create_future()
        self._add(_Waiting(entries, written))
        await written

    async def run(self) -> None:
        """Write until cancelled, then stop for good. Raises JournalFailed."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._waiting:
                    await self._write_group()
        finally:
            self._stop()

    def _add(self, waiting: _Waiting) -> None:
        self._waiting.append(waiting)
        self._wake.set()

    async def _write_group(self) -> None:
        # A group stays in the queue while it is written, so that a question asked meanwhile waits.
        group = tuple(self._waiting)[:MAX_GROUP]
        entries = tuple(entry for step in group for entry in step.entries)
        if entries:
            failpoints.reach("journal/before")
            await self._journal.append(self._position, entries)
            failpoints.reach("journal/written")
            self._position += len(entries)
        for step in group:
            self._waiting.popleft()
            self._release(step)

    def _release(self, step: _Waiting) -> None:
        if step.written is not None and not step.written.done():
            step.written.set_result(None)
        for entry in step.entries:
            self._publish(entry)

    def _stop(self) -> None:
        self.is_stopped = True
        while self._waiting:
            written = self._waiting.popleft().written
            if written is not None and not written.done():
                written.set_exception(VenueUnavailable("the venue stopped before it wrote this"))
