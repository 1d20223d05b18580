"""The venue's journal in memory, which tells an observer of every entry as it becomes durable."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime

from adapters.venues.paper.entry import Busted, Entry, OrderEntry, Transferred
from adapters.venues.paper.journal import PaperJournal
from domain.venue import FillReport
from tests.doubles.memory_paper_journal import MemoryPaperJournal


class ObservedJournal(MemoryPaperJournal):
    """Looks entries up by order, so that a question costs the same however long the journal is."""

    def __init__(self, observe: Callable[[Entry], None]) -> None:
        super().__init__()
        self._observe = observe
        self._by_order: dict[tuple[str, str], list[OrderEntry]] = defaultdict(list)
        self._by_venue_order: dict[tuple[str, str], list[OrderEntry]] = defaultdict(list)
        self._fills_by_trade: dict[tuple[str, str, str], FillReport] = {}
        self._busted: dict[tuple[str, str, str], None] = {}

    async def append(self, after: int, entries: Sequence[Entry]) -> None:
        before = len(self.texts)
        await super().append(after, entries)
        if len(self.texts) > before:
            for entry in entries:
                self._index(entry)
                self._observe(entry)

    async def entries_of(self, account_id: str, client_order_id: str) -> Sequence[OrderEntry]:
        return tuple(self._by_order.get((account_id, client_order_id), ()))

    async def entries_of_venue_order(
        self, account_id: str, venue_order_id: str
    ) -> Sequence[OrderEntry]:
        return tuple(self._by_venue_order.get((account_id, venue_order_id), ()))

    async def fills_since(self, account_id: str, at: datetime) -> Sequence[FillReport]:
        return [
            fill
            for key, fill in self._fills_by_trade.items()
            if fill.account_id == account_id and fill.at >= at and key not in self._busted
        ]

    async def find_fill(self, account_id: str, symbol: str, trade_id: str) -> FillReport | None:
        return self._fills_by_trade.get((account_id, symbol, trade_id))

    def _index(self, entry: Entry) -> None:
        if isinstance(entry, Transferred):
            return
        self._by_order[entry.account_id, entry.client_order_id].append(entry)
        self._by_venue_order[entry.account_id, entry.venue_order_id].append(entry)
        match entry:
            case FillReport():
                self._fills_by_trade[_trade(entry)] = entry
            case Busted():
                self._busted[_trade(entry.fill)] = None
            case _:
                pass


def _trade(fill: FillReport) -> tuple[str, str, str]:
    return fill.account_id, fill.symbol, fill.trade_id


def _conforms(journal: ObservedJournal) -> PaperJournal:
    return journal
