"""The paper venue's journal in memory, which can be told to hold back or to fail."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime

import msgspec

from adapters.venues.paper.entry import (
    Busted,
    Entry,
    OrderEntry,
    Transferred,
    decode,
    encode,
)
from adapters.venues.paper.journal import JournalFailed
from adapters.venues.paper.snapshot import Snapshot
from domain.venue import FillReport


class MemoryPaperJournal:
    """Entries are kept as text, so that what is read has been written."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.snapshot_texts: dict[int, str] = {}
        self.put_aside: dict[int, str] = {}
        self.group_sizes: list[int] = []
        self.may_write = asyncio.Event()
        self.may_write.set()
        self.failure: JournalFailed | None = None

    def entries(self) -> list[Entry]:
        """All there are, as they would be read."""
        return [decode(text) for text in self.texts]

    async def load(self, after: int = 0) -> AsyncGenerator[Sequence[Entry]]:
        if len(self.texts) > after:
            yield self.entries()[after:]

    async def snapshots(self) -> Sequence[Snapshot]:
        kept = (msgspec.json.decode(text, type=Snapshot) for text in self.snapshot_texts.values())
        return sorted(kept, key=lambda snapshot: -snapshot.sequence)

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        self.snapshot_texts[snapshot.sequence] = msgspec.json.encode(snapshot).decode()

    async def put_snapshot_aside(self, sequence: int, reason: str) -> None:
        self.put_aside[sequence] = reason
        del self.snapshot_texts[sequence]

    async def append(self, after: int, entries: Sequence[Entry]) -> None:
        await self.may_write.wait()
        if self.failure is not None:
            raise self.failure
        texts = [encode(entry) for entry in entries]
        held = self.texts[after : after + len(texts)]
        if held and held != texts:
            raise JournalFailed("another venue has written this journal")
        if not held:
            self.texts.extend(texts)
            self.group_sizes.append(len(texts))

    async def entries_of(self, account_id: str, client_order_id: str) -> Sequence[OrderEntry]:
        key = (account_id, client_order_id)
        return [e for e in self._of_orders() if (e.account_id, e.client_order_id) == key]

    async def entries_of_venue_order(
        self, account_id: str, venue_order_id: str
    ) -> Sequence[OrderEntry]:
        key = (account_id, venue_order_id)
        return [e for e in self._of_orders() if (e.account_id, e.venue_order_id) == key]

    async def fills_since(self, account_id: str, at: datetime) -> Sequence[FillReport]:
        busted = [entry.fill for entry in self._of_orders() if isinstance(entry, Busted)]
        mine = [fill for fill in self._fills() if fill.account_id == account_id and fill.at >= at]
        return [fill for fill in mine if fill not in busted]

    async def find_fill(self, account_id: str, symbol: str, trade_id: str) -> FillReport | None:
        wanted = (account_id, symbol, trade_id)
        for fill in self._fills():
            if (fill.account_id, fill.symbol, fill.trade_id) == wanted:
                return fill
        return None

    def _of_orders(self) -> list[OrderEntry]:
        return [entry for entry in self.entries() if not isinstance(entry, Transferred)]

    def _fills(self) -> list[FillReport]:
        return [entry for entry in self._of_orders() if isinstance(entry, FillReport)]
