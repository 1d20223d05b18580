"""The paper venue's journal in memory, which can be told to hold back or to fail."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime

from adapters.venues.paper.entry import Entry, decode, encode
from adapters.venues.paper.journal import JournalFailed
from domain.venue import FillReport


class MemoryPaperJournal:
    """Entries are kept as text, so that what is read has been written."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.group_sizes: list[int] = []
        self.may_write = asyncio.Event()
        self.may_write.set()
        self.failure: JournalFailed | None = None

    async def load(self) -> AsyncGenerator[Sequence[Entry]]:
        if self.texts:
            yield [decode(text) for text in self.texts]

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

    async def entries_of(self, account_id: str, client_order_id: str) -> Sequence[Entry]:
        entries = (decode(text) for text in self.texts)
        key = (account_id, client_order_id)
        return [entry for entry in entries if (entry.account_id, entry.client_order_id) == key]

    async def fills_since(self, account_id: str, at: datetime) -> Sequence[FillReport]:
        fills = (entry for text in self.texts if isinstance(entry := decode(text), FillReport))
        return [fill for fill in fills if fill.account_id == account_id and fill.at >= at]
