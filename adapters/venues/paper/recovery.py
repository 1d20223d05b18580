"""The book as the journal left it: the newest sound snapshot, and the entries after it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec
import structlog

from adapters.venues.paper.book import Book
from adapters.venues.paper.entry import Entry
from adapters.venues.paper.journal import PaperJournal
from adapters.venues.paper.snapshot import Snapshot, UnsoundSnapshot, check_entry, unseal

_logger = structlog.get_logger(__name__)


class Recovered(msgspec.Struct):
    """``position`` counts the journal's entries, ``snapshot_at`` those not read one by one."""

    book: Book
    position: int = 0
    snapshot_at: int = 0
    last_entry: Entry | None = None

    def apply(self, entry: Entry) -> None:
        self.book.apply(entry)
        self.position += 1
        self.last_entry = entry


async def recover(journal: PaperJournal) -> Recovered:
    """Raises JournalFailed. An unsound snapshot is put aside; without one all entries are read."""
    for snapshot in await journal.snapshots():
        try:
            return await _from_snapshot(journal, snapshot)
        except UnsoundSnapshot as problem:
            sequence, reason = snapshot.sequence, str(problem)
            _logger.warning("paper_snapshot_put_aside", sequence=sequence, reason=reason)
            await journal.put_snapshot_aside(sequence, reason)
    recovered = Recovered(Book())
    async with aclosing(_entries(journal, after=0)) as entries:
        async for entry in entries:
            recovered.apply(entry)
    return recovered


async def _from_snapshot(journal: PaperJournal, snapshot: Snapshot) -> Recovered:
    """Raises UnsoundSnapshot."""
    book = unseal(snapshot)
    async with aclosing(_entries(journal, after=snapshot.sequence - 1)) as entries:
        last_entry = await anext(entries, None)
        if last_entry is None:
            raise UnsoundSnapshot("it is newer than the journal")
        check_entry(snapshot, last_entry)
        recovered = Recovered(book, snapshot.sequence, snapshot.sequence, last_entry)
        async for entry in entries:
            recovered.apply(entry)
    return recovered


async def _entries(journal: PaperJournal, after: int) -> AsyncGenerator[Entry]:
    async with aclosing(journal.load(after)) as pages:
        async for page in pages:
            for entry in page:
                yield entry
