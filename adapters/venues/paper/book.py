"""The venue's own truth: working orders, positions and counters, as a fold of the journal."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from adapters.venues.paper.entry import Amended, Entry, Opened
from adapters.venues.paper.queue import Queue
from adapters.venues.paper.symbol_queues import SymbolQueues
from adapters.venues.paper.working_order import OrderKey, WorkingOrder
from domain.decimals import ZERO
from domain.order.terms import OrderType, Side
from domain.venue import CancelReport, ExpireReport, FillReport, StopMovedReport, TriggerReport

PositionKey = tuple[str, str]
"""Account id and symbol."""

_BEFORE_TIME = datetime(1970, 1, 1, tzinfo=UTC)


class BookState(msgspec.Struct, frozen=True):
    """Everything a book holds, comparable and serialisable. Positions are above zero when long."""

    orders: tuple[WorkingOrder, ...]
    positions: tuple[tuple[str, str, Decimal], ...]
    last_trade_ids: tuple[tuple[str, int], ...]
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
        self._positions: dict[PositionKey, Decimal] = {}
        self._reducing: dict[PositionKey, dict[OrderKey, None]] = {}
        self._last_trade_ids: dict[str, int] = {}

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> "Book":
        book = cls()
        for entry in entries:
            book.apply(entry)
        return book

    def get(self, key: OrderKey) -> WorkingOrder | None:
        return self._orders.get(key)

    def orders(self) -> Iterator[WorkingOrder]:
        return iter(self._orders.values())

    def queues(self, symbol: str) -> SymbolQueues:
        return self._queues.setdefault(symbol, SymbolQueues())

    def position(self, account_id: str, symbol: str) -> Decimal:
        """Above zero when long."""
        return self._positions.get((account_id, symbol), ZERO)

    def positions(self, account_id: str) -> dict[str, Decimal]:
        """The account's open positions by symbol."""
        held = self._positions.items()
        return {symbol: quantity for (owner, symbol), quantity in held if owner == account_id}

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
            positions=tuple((*key, held) for key, held in sorted(self._positions.items())),
            last_trade_ids=tuple(sorted(self._last_trade_ids.items())),
            arrivals=self.arrivals,
            at=self.at,
        )

    def apply(self, entry: Entry) -> None:
        self.at = entry.at
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

    def _named_by(self, entry: Entry) -> WorkingOrder:
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
        self._move_position(fill, old.side)
        new = msgspec.structs.replace(old, cum_quantity=old.cum_quantity + fill.quantity)
        if new.leaves_quantity > ZERO:
            self._orders[new.key] = new
        else:
            self._remove(old)

    def _move_position(self, fill: FillReport, side: Side) -> None:
        key = (fill.account_id, fill.symbol)
        held = self._positions.pop(key, ZERO) + side.sign * fill.quantity
        if held:
            self._positions[key] = held

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
