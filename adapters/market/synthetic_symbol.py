"""One generated symbol: its walk, its book, its trades and its minute, as venue frames.

All state is whole numbers of ticks and lots, so the same seed gives the same bytes everywhere.
"""

from decimal import Decimal
from random import Random

import msgspec

from domain.instrument import Instrument

LEVELS = 5
MINUTE_MS = 60_000

_REVERSION_STEPS = 400
"""The walk comes back to its anchor over about so many steps."""
_MOVE_FRACTION = 20_000
"""A step moves the price by at most a so many-th part of it."""
_LEVEL_NOTIONAL = 20_000
"""A level of the book holds about so much, in the quote asset."""

Book = dict[int, int]
Payload = dict[str, object]


class SyntheticSymbol(msgspec.Struct, frozen=True):
    """What is generated: prices around ``anchor`` on ``tick_size``, quantities on ``lot_size``."""

    symbol: str
    tick_size: Decimal
    lot_size: Decimal
    anchor: Decimal

    @classmethod
    def of(cls, instrument: Instrument, anchor: Decimal) -> "SyntheticSymbol":
        return cls(instrument.symbol, instrument.tick_size, instrument.lot_size, anchor)


class SyntheticWalk:
    """The market of one symbol, step by step."""

    def __init__(self, of: SyntheticSymbol, random: Random) -> None:
        self._of = of
        self._random = random
        self._anchor = max(int(of.anchor / of.tick_size), LEVELS + 1)
        self._bid = self._anchor
        self._level_lots = max(int(_LEVEL_NOTIONAL / (of.anchor * of.lot_size)), 2)
        self._bids: Book = {}
        self._asks: Book = {}
        self._update_id = 0
        self._depth_id = 0
        self._trade_id = 0
        self._match_id = 0
        self._minute: _Minute | None = None

    def step(self, at: int) -> list[Payload]:
        """Frames of one step at ``at``, milliseconds since 1970.

        A kline that closes the minute before, then the new touch, perhaps a trade there, the
        change of the book, and the kline if there was a trade.
        """
        frames = self._close_minute(at)
        bids, asks = self._move()
        frames.append(self._ticker(at, bids, asks))
        traded = self._random.randrange(2) == 0
        if traded:
            frames.append(self._trade(at, bids, asks))
        frames.append(self._depth(at, bids, asks))
        if traded and self._minute is not None:
            frames.append(self._kline(at, self._minute, closed=False))
        return frames

    def _move(self) -> tuple[Book, Book]:
        furthest = max(self._bid // _MOVE_FRACTION, 1)
        pull = (self._anchor - self._bid) // _REVERSION_STEPS
        self._bid = max(self._bid + pull + self._random.randint(-furthest, furthest), LEVELS)
        ask = self._bid + self._random.choice((1, 1, 1, 2, 3))
        return (
            {self._bid - level: self._quantity() for level in range(LEVELS)},
            {ask + level: self._quantity() for level in range(LEVELS)},
        )

    def _quantity(self) -> int:
        return self._random.randint(1, 2 * self._level_lots)

    def _ticker(self, at: int, bids: Book, asks: Book) -> Payload:
        self._update_id += 1
        bid, ask = max(bids), min(asks)
        return {
            "e": "bookTicker",
            "u": self._update_id,
            "s": self._of.symbol,
            "b": self._price_text(bid),
            "B": self._quantity_text(bids[bid]),
            "a": self._price_text(ask),
            "A": self._quantity_text(asks[ask]),
            "T": at,
            "E": at,
        }

    def _trade(self, at: int, bids: Book, asks: Book) -> Payload:
        buyer_is_maker = self._random.randrange(2) == 0
        price = max(bids) if buyer_is_maker else min(asks)
        lots = self._random.randint(1, bids[price] if buyer_is_maker else asks[price])
        first, self._match_id = self._match_id + 1, self._match_id + self._random.randint(1, 3)
        self._trade_id += 1
        self._count(at, price, lots, first, taker_buys=not buyer_is_maker)
        return {
            "e": "aggTrade",
            "E": at,
            "a": self._trade_id,
            "s": self._of.symbol,
            "p": self._price_text(price),
            "q": self._quantity_text(lots),
            "f": first,
            "l": self._match_id,
            "T": at,
            "m": buyer_is_maker,
        }

    def _depth(self, at: int, bids: Book, asks: Book) -> Payload:
        self._update_id += 1
        first, previous, self._depth_id = self._depth_id + 1, self._depth_id, self._update_id
        changed_bids, changed_asks = _changes(self._bids, bids), _changes(self._asks, asks)
        self._bids, self._asks = bids, asks
        return {
            "e": "depthUpdate",
            "E": at,
            "T": at,
            "s": self._of.symbol,
            "U": first,
            "u": self._depth_id,
            "pu": previous,
            "b": self._level_texts(changed_bids),
            "a": self._level_texts(changed_asks),
        }

    def _count(self, at: int, price: int, lots: int, first: int, *, taker_buys: bool) -> None:
        if self._minute is None:
            self._minute = _Minute(at - at % MINUTE_MS, price, first)
        self._minute.add(price, lots, self._match_id, taker_buys=taker_buys)

    def _close_minute(self, at: int) -> list[Payload]:
        if self._minute is None or at < self._minute.start + MINUTE_MS:
            return []
        over, self._minute = self._minute, None
        return [self._kline(at, over, closed=True)]

    def _kline(self, at: int, minute: "_Minute", *, closed: bool) -> Payload:
        body: Payload = {
            "t": minute.start,
            "T": minute.start + MINUTE_MS - 1,
            "s": self._of.symbol,
            "i": "1m",
            "f": minute.first,
            "L": minute.last,
            "o": self._price_text(minute.open),
            "c": self._price_text(minute.close),
            "h": self._price_text(minute.high),
            "l": self._price_text(minute.low),
            "v": self._quantity_text(minute.lots),
            "n": minute.last - minute.first + 1,
            "x": closed,
            "q": self._notional_text(minute.notional),
            "V": self._quantity_text(minute.taker_lots),
            "Q": self._notional_text(minute.taker_notional),
            "B": "0",
        }
        return {"e": "kline", "E": at, "s": self._of.symbol, "k": body}

    def _level_texts(self, levels: Book) -> list[tuple[str, str]]:
        return [
            (self._price_text(price), self._quantity_text(levels[price]))
            for price in sorted(levels)
        ]

    def _price_text(self, ticks: int) -> str:
        return format(ticks * self._of.tick_size, "f")

    def _quantity_text(self, lots: int) -> str:
        return format(lots * self._of.lot_size, "f")

    def _notional_text(self, tick_lots: int) -> str:
        return format(tick_lots * self._of.tick_size * self._of.lot_size, "f")


class _Minute:
    """The running minute in ticks, lots and their products."""

    def __init__(self, start: int, price: int, first: int) -> None:
        self.start = start
        self.open = self.high = self.low = self.close = price
        self.first = self.last = first
        self.lots = self.notional = 0
        self.taker_lots = self.taker_notional = 0

    def add(self, price: int, lots: int, last: int, *, taker_buys: bool) -> None:
        self.close, self.last = price, last
        self.high, self.low = max(self.high, price), min(self.low, price)
        self.lots += lots
        self.notional += price * lots
        if taker_buys:
            self.taker_lots += lots
            self.taker_notional += price * lots


def _changes(before: Book, after: Book) -> Book:
    """What turns one book side into another; quantity 0 removes a level."""
    gone = {price: 0 for price in before if price not in after}
    return gone | {price: lots for price, lots in after.items() if before.get(price) != lots}
