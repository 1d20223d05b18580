"""A market and a venue to tell small stories with."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from adapters.venues.paper.book import Book
from adapters.venues.paper.engine import MatchingEngine, Step
from adapters.venues.paper.entry import Entry
from domain.fees import FeeSchedule
from domain.instrument import Instrument
from domain.market_data import Quote, Trade
from domain.order.terms import OrderTerms, OrderType, Side, TimeInForce
from domain.venue import (
    Accepted,
    Amendment,
    CancelReport,
    FillReport,
    Rejected,
    TriggerReport,
    VenueOrder,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
FEES = FeeSchedule(maker=Decimal("0.0002"), taker=Decimal("0.0004"))


def instrument(symbol: str, **fields: Any) -> Instrument:
    """Prices in steps of 0.1 to 1000, quantities in steps of 0.5 from 0.5 to 100."""
    values: dict[str, Any] = {
        "symbol": symbol,
        "base_asset": symbol.removesuffix("USDT"),
        "quote_asset": "USDT",
        "settlement_asset": "USDT",
        "tick_size": Decimal("0.1"),
        "min_price": Decimal("0.1"),
        "max_price": Decimal(1000),
        "lot_size": Decimal("0.5"),
        "min_quantity": Decimal("0.5"),
        "max_quantity": Decimal(100),
        "market_max_quantity": Decimal(50),
        "min_notional": Decimal(5),
    }
    return Instrument(**(values | fields))


class FixedInstruments:
    """Instruments of a test."""

    def __init__(self, *instruments: Instrument) -> None:
        self._by_symbol = {each.symbol: each for each in instruments}

    def get(self, symbol: str) -> Instrument | None:
        return self._by_symbol.get(symbol)

    def all(self) -> tuple[Instrument, ...]:
        return tuple(self._by_symbol.values())


INSTRUMENTS = FixedInstruments(
    instrument("AAAUSDT"), instrument("BNBUSDT"), instrument("OLDUSDT", trading=False)
)


_TYPES: dict[str, Callable[[str], Any]] = {
    "limit_price": Decimal,
    "stop_price": Decimal,
    "trailing_offset": Decimal,
    "entry_price": Decimal,
    "time_in_force": TimeInForce,
}


def terms(
    side: str, type_: str, quantity: str, symbol: str = "AAAUSDT", **fields: Any
) -> OrderTerms:
    """Prices and time in force may be given as text."""
    values = {
        name: _TYPES[name](value) if name in _TYPES else value for name, value in fields.items()
    }
    return OrderTerms(
        symbol=symbol, side=Side(side), type=OrderType(type_), quantity=Decimal(quantity), **values
    )


def quote(bid: str, ask: str, bids: str = "10", asks: str = "10", symbol: str = "AAAUSDT") -> Quote:
    return Quote(symbol, Decimal(bid), Decimal(bids), Decimal(ask), Decimal(asks), START)


def trade(price: str, quantity: str = "10", symbol: str = "AAAUSDT") -> Trade:
    return Trade(symbol, 1, Decimal(price), Decimal(quantity), buyer_is_maker=True, at=START)


class Scenario:
    """One engine; each input comes a second after the one before."""

    def __init__(self, fees: FeeSchedule = FEES) -> None:
        self.now = START
        self.book = Book()
        self.fees = fees
        self.engine = MatchingEngine(self.book, INSTRUMENTS, fees)
        self.journal: list[Entry] = []

    def tick(self, seconds: float = 1) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now

    def keep(self, step: Step) -> Step:
        self.journal.extend(step.entries)
        return step

    def quote(self, bid: str, ask: str, bids: str = "10", asks: str = "10") -> Step:
        return self.keep(self.engine.on_quote(quote(bid, ask, bids, asks), self.tick()))

    def trade(self, price: str, quantity: str = "10") -> Step:
        return self.keep(self.engine.on_trade(trade(price, quantity), self.tick()))

    def order(
        self,
        client_order_id: str,
        side: str,
        type_: str,
        quantity: str,
        *,
        account: str = "a",
        linked: str | None = None,
        **fields: Any,
    ) -> Step:
        order = VenueOrder(client_order_id, account, terms(side, type_, quantity, **fields), linked)
        return self.keep(self.engine.submit(order, self.tick()))

    def amend(self, client_order_id: str, *, account: str = "a", **changes: str) -> Step:
        change = Amendment(**{name: Decimal(value) for name, value in changes.items()})
        return self.keep(self.engine.amend(account, client_order_id, change, self.tick()))

    def cancel(self, client_order_id: str, *, account: str = "a") -> Step:
        return self.keep(self.engine.cancel(account, client_order_id, self.tick()))

    def advance(self, seconds: float) -> Step:
        return self.keep(self.engine.advance(self.tick(seconds)))

    def open_ids(self, account: str = "a") -> list[str]:
        return [order.client_order_id for order in self.engine.open_orders(account)]

    def position(self, account: str = "a", symbol: str = "AAAUSDT") -> Decimal:
        return self.book.position(account, symbol)


def accepted(step: Step) -> Accepted:
    assert isinstance(step.outcome, Accepted), step.outcome
    return step.outcome


def reject_code(step: Step) -> str:
    assert isinstance(step.outcome, Rejected), step.outcome
    return step.outcome.code


def fills(step: Step) -> list[tuple[str, str, str, str]]:
    """(client order id, quantity, price, liquidity) of each execution."""
    return [
        (fill.client_order_id, str(fill.quantity), str(fill.price), str(fill.liquidity))
        for fill in fill_reports(step.entries)
    ]


def fill_reports(entries: Sequence[Entry]) -> list[FillReport]:
    return [entry for entry in entries if isinstance(entry, FillReport)]


def cancels(step: Step) -> list[tuple[str, str]]:
    """(client order id, reason) of each cancelled order."""
    return [
        (entry.client_order_id, entry.reason)
        for entry in step.entries
        if isinstance(entry, CancelReport)
    ]


def triggers(step: Step) -> list[str]:
    return [e.client_order_id for e in step.entries if isinstance(e, TriggerReport)]
