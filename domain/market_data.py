"""What the core knows of a market: quotes, trades, book changes and candles, and their port."""

from collections.abc import AsyncGenerator
from datetime import datetime
from decimal import Decimal
from typing import Protocol

import msgspec


class Quote(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Best bid and ask with their quantities. ``at`` is the venue's event time, UTC."""

    symbol: str
    bid: Decimal
    bid_quantity: Decimal
    ask: Decimal
    ask_quantity: Decimal
    at: datetime

    @property
    def is_usable(self) -> bool:
        """Both sides present and not crossed: something a control may measure against."""
        return self.bid.is_finite() and self.ask.is_finite() and 0 < self.bid <= self.ask

    @property
    def mid(self) -> Decimal:
        return (self.bid + self.ask) / 2


class Trade(msgspec.Struct, frozen=True, gc=False, tag=True):
    """A public trade. ``buyer_is_maker`` means that the aggressor sold.

    ``count`` is how many matches it stands for: a venue may report all matches of one aggressive
    order at one price as one trade (Binance's aggTrade).
    """

    symbol: str
    trade_id: int
    price: Decimal
    quantity: Decimal
    buyer_is_maker: bool
    at: datetime
    count: int = 1


class DepthUpdate(msgspec.Struct, frozen=True, tag=True):
    """Changed price levels of the order book: (price, new quantity); quantity 0 removes it."""

    symbol: str
    first_update_id: int
    last_update_id: int
    previous_update_id: int
    bids: tuple[tuple[Decimal, Decimal], ...]
    asks: tuple[tuple[Decimal, Decimal], ...]
    at: datetime


class Candle(msgspec.Struct, frozen=True, tag=True):
    """Open, high, low, close and volume of one interval that starts at ``opened_at``, UTC."""

    symbol: str
    interval: str
    opened_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    trades: int
    closed: bool


MarketEvent = Quote | Trade | DepthUpdate | Candle


class MarketData(Protocol):
    """The market as it happens. Slow subscribers lose the oldest events, never slow the feed."""

    def subscribe(self) -> AsyncGenerator[MarketEvent]: ...

    def quote(self, symbol: str) -> Quote | None:
        """The newest quote seen, however old it is; its age is the caller's to judge."""
        ...
