"""Takes a snapshot of the book every so many entries, beside the work of the venue."""

import asyncio
from collections.abc import Sequence

import msgspec
import structlog

from adapters.venues.paper.book import BookState
from adapters.venues.paper.entry import Entry
from adapters.venues.paper.journal import PaperJournal
from adapters.venues.paper.recovery import Recovered
from adapters.venues.paper.snapshot import seal
from domain.venue import VenueUnavailable

EVERY = 10_000
"""Entries between two snapshots: what a start reads one by one, at most and a little."""

_logger = structlog.get_logger(__name__)


class _Taken(msgspec.Struct):
    """What a book held after an entry that may not be durable yet."""

    sequence: int
    entry: Entry
    state: BookState


class SnapshotKeeper:
    """Tell it of each step, and of each entry that has become durable.

    A snapshot is kept only once the journal has all its entries; one that cannot be kept is
    missed, and the next start reads more of the journal.
    """

    def __init__(self, journal: PaperJournal, recovered: Recovered, every: int) -> None:
        self._journal = journal
        self._every = every
        self._book = recovered.book
        self._put = self._durable = recovered.position
        self._last = recovered.snapshot_at
        self._taken: _Taken | None = None
        self._durable_now = asyncio.Event()
        if recovered.last_entry is not None:
            self._take_if_due(recovered.last_entry)

    def note_step(self, entries: Sequence[Entry]) -> None:
        """The book has just taken these entries."""
        if entries:
            self._put += len(entries)
            self._take_if_due(entries[-1])

    def note_durable(self) -> None:
        """The journal has one entry more."""
        self._durable += 1
        self._wake_if_durable()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._durable_now.wait()
            self._durable_now.clear()
            if self._taken is not None:
                await self._keep(self._taken)
                self._taken = None

    def _take_if_due(self, entry: Entry) -> None:
        if self._taken is None and self._put - self._last >= self._every:
            self._taken = _Taken(self._put, entry, self._book.state())
            self._last = self._put
            self._wake_if_durable()

    def _wake_if_durable(self) -> None:
        if self._taken is not None and self._durable >= self._taken.sequence:
            self._durable_now.set()

    async def _keep(self, taken: _Taken) -> None:
        try:
            await self._journal.save_snapshot(seal(taken.sequence, taken.entry, taken.state))
        except VenueUnavailable as error:
            _logger.warning("paper_snapshot_missed", sequence=taken.sequence, error=str(error))
