"""The venue's own truth: working orders, positions and counters, as a fold of the journal."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from adapters.venues.paper.entry import Amended, Busted, Entry, Opened, OrderEntry, Transferred
from adapters.venues.paper.queue import Queue
from adapters.venues.paper.symbol_queues import SymbolQueues
from adapters.venues.paper.wallet import Wallet, WalletState
from adapters.venues.paper.working_order import OrderKey, WorkingOrder
from domain.decimals import ZERO
from domain.order.terms import OrderType, Side
from domain.venue import CancelReport, ExpireReport, FillReport, StopMovedReport, TriggerReport

PositionKey = tuple[str, str]
"""Account id and symbol."""

_BEFORE_TIME = datetime(1970, 1, 1, tzinfo=UTC)


class BookState(msgspec.Struct, frozen=True):
    """Everything a book holds, comparable and serialisable."""

    orders: tuple[WorkingOrder, ...]
    wallets: tuple[WalletState, ...]
    last_trade_ids: dict[str, int]
    busted: tuple[tuple[str, str], ...]
    arrivals: int
    at: datetime


class Book:
    """Changes only by ``apply``, so the journal read again makes the same book."""

    def __init__(self) -> None:
        self.at = _BEFORE_TIME
        self.arrivals = 0
        self.deadlines = Queue[datetime]()
        self._orders: dict[OrderKey, WorkingOrder] = {}
        self._queues: dict[str, SymbolQueues] = {}
        self._wallets: dict[str, Wallet] = {}
        self._reducing: dict[PositionKey, dict[OrderKey, None]] = {}
        self._last_trade_ids: dict[str, int] = {}
        self._busted: dict[tuple[str, str], None] = {}

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> "Book":
        book = cls()
        for entry in entries:
            book.apply(entry)
        return book

    @classmethod
    def restore(cls, state: BookState) -> "Book":
        """The book that had this state."""
        book = cls()
        for working in state.orders:
            book._add(working)
        book._wallets = {each.account_id: Wallet.of(each) for each in state.wallets}
        book._last_trade_ids = dict(state.last_trade_ids)
        book._busted = dict.fromkeys(state.busted)
        book.arrivals, book.at = state.arrivals, state.at
        return book

    def get(self, key: OrderKey) -> WorkingOrder | None:
        return self._orders.get(key)

    def orders(self) -> Iterator[WorkingOrder]:
        return iter(self._orders.values())

    def queues(self, symbol: str) -> SymbolQueues:
        return self._queues.setdefault(symbol, SymbolQueues())

    def wallet(self, account_id: str) -> Wallet:
        """To read; it changes by entries only."""
        return self._wallets.get(account_id) or Wallet()

    def position(self, account_id: str, symbol: str) -> Decimal:
        """Above zero when long."""
        return self.wallet(account_id).quantity(symbol)

    def is_busted(self, symbol: str, trade_id: str) -> bool:
        return (symbol, trade_id) in self._busted

    def reducible(self, account_id: str, symbol: str, side: Side) -> Decimal:
        """How much an order of that side can reduce the position by."""
        return max(-side.sign * self.position(account_id, symbol), ZERO)

    def reduce_only_orders(self, account_id: str, symbol: str) -> tuple[WorkingOrder, ...]:
        keys = self._reducing.get((account_id, symbol), {})
        return tuple(self._orders[key] for key in keys)

    def next_trade_id(self, symbol: str) -> str:
        return str(self._last_trade_ids.get(symbol, 0) + 1)

    def state(self) -> BookState:
        return BookState(
            orders=tuple(self._orders.values()),
            wallets=tuple(wallet.state(owner) for owner, wallet in self._wallets.items()),
            last_trade_ids=dict(self._last_trade_ids),
            busted=tuple(self._busted),
            arrivals=self.arrivals,
            at=self.at,
        )

    def apply(self, entry: Entry) -> None:
        self.at = entry.at
        if isinstance(entry, Transferred):
            self._own_wallet(entry.account_id).transfer(entry)
        else:
            self._apply_to_order(entry)

    def _apply_to_order(self, entry: OrderEntry) -> None:
        match entry:
            case Opened():
                self._open(entry)
            case Amended():
                self._amend(entry)
            case FillReport():
                self._fill(entry)
            case CancelReport() | ExpireReport():
                self._remove(self._named_by(entry))
            case TriggerReport():
                self._trigger(self._named_by(entry))
            case StopMovedReport():
                moved = self._named_by(entry)
                self._replace(moved, msgspec.structs.replace(moved, trailed_stop=entry.stop_price))
            case Busted():
                self._bust(entry)

    def _own_wallet(self, account_id: str) -> Wallet:
        return self._wallets.setdefault(account_id, Wallet())

    def _named_by(self, entry: OrderEntry) -> WorkingOrder:
        return self._orders[entry.account_id, entry.client_order_id]

    def _next_arrival(self) -> int:
        self.arrivals += 1
        return self.arrivals

    def _open(self, opened: Opened) -> None:
        terms = opened.order.terms
        working = WorkingOrder(
            order=opened.order,
            venue_order_id=opened.venue_order_id,
            priority=self._next_arrival(),
            paired=True,
            settlement_asset=opened.settlement_asset,
            trailed_stop=terms.stop_price if terms.type is OrderType.TRAILING_STOP else None,
        )
        if working.partner_key is not None:
            working = self._pair(working, working.partner_key)
        self._add(working)

    def _pair(self, working: WorkingOrder, partner_key: OrderKey) -> WorkingOrder:
        partner = self._orders.get(partner_key)
        if partner is None:
            return msgspec.structs.replace(working, paired=False)
        self._replace(partner, msgspec.structs.replace(partner, paired=True))
        return working

    def _amend(self, amended: Amended) -> None:
        old = self._named_by(amended)
        order = msgspec.structs.replace(old.order, terms=amended.terms)
        priority = old.priority if amended.keeps_priority else self._next_arrival()
        self._replace(old, msgspec.structs.replace(old, order=order, priority=priority))

    def _fill(self, fill: FillReport) -> None:
        old = self._named_by(fill)
        self._last_trade_ids[fill.symbol] = int(fill.trade_id)
        settlement_asset = old.settlement_asset or fill.fee_asset
        self._own_wallet(fill.account_id).fill(fill, old.side, settlement_asset)
        new = msgspec.structs.replace(old, cum_quantity=old.cum_quantity + fill.quantity)
        if new.leaves_quantity > ZERO:
            self._orders[new.key] = new
        else:
            self._remove(old)

    def _bust(self, busted: Busted) -> None:
        """An order that still works is to be filled again; one that has ended stays ended."""
        fill = busted.fill
        self._busted[fill.symbol, fill.trade_id] = None
        self._own_wallet(fill.account_id).bust(busted)
        old = self._orders.get((fill.account_id, fill.client_order_id))
        if old is not None and old.venue_order_id == fill.venue_order_id:
            filled = old.cum_quantity - fill.quantity
            self._orders[old.key] = msgspec.structs.replace(old, cum_quantity=filled)

    def _trigger(self, old: WorkingOrder) -> None:
        """It joins the live orders now, behind those that were there."""
        priority = self._next_arrival()
        self._replace(old, msgspec.structs.replace(old, triggered=True, priority=priority))

    def _add(self, working: WorkingOrder) -> None:
        self._orders[working.key] = working
        self.queues(working.terms.symbol).add(working)
        if working.terms.expire_at is not None:
            self.deadlines.add(working.terms.expire_at, working.priority, working.key)
        if working.terms.reduce_only:
            self._reducing.setdefault(_position_key(working), {})[working.key] = None

    def _remove(self, working: WorkingOrder) -> None:
        del self._orders[working.key]
        self.queues(working.terms.symbol).remove(working)
        if working.terms.expire_at is not None:
            self.deadlines.remove(working.terms.expire_at, working.priority, working.key)
        if working.terms.reduce_only:
            del self._reducing[_position_key(working)][working.key]

    def _replace(self, old: WorkingOrder, new: WorkingOrder) -> None:
        self._remove(old)
        self._add(new)


def _position_key(working: WorkingOrder) -> PositionKey:
    return working.order.account_id, working.terms.symbol
