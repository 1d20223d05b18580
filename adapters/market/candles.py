"""One-minute candles from trades, without a clock of their own."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from domain.market_data import Candle, Trade

INTERVAL = "1m"
MINUTE = timedelta(minutes=1)
DEFAULT_GRACE = timedelta(seconds=2)


class CandleBuilder:
    """Open, high, low, close, volume and count of every minute that has a trade.

    A minute stays open for ``grace`` after its end, so that trades which arrive late or out of
    order still count; the result does not depend on their order. Trades that come later than that,
    or are further than ``grace`` in the future, are left out and counted. A minute without trades
    has no candle. Trades with the same instant are ordered by their id.
    """

    def __init__(self, grace: timedelta = DEFAULT_GRACE) -> None:
        self._grace = grace
        self._open: dict[tuple[datetime, str], _Minute] = {}
        self.late = 0
        self.premature = 0

    def add(self, trade: Trade, now: datetime) -> Candle | None:
        """The open candle as it stands with this trade; None if the trade was left out."""
        opened_at = _minute_of(trade.at)
        if self._is_over(opened_at, now):
            self.late += 1
            return None
        if trade.at > now + self._grace:
            self.premature += 1
            return None
        minute = self._open.get((opened_at, trade.symbol))
        if minute is None:
            minute = self._open[opened_at, trade.symbol] = _Minute(trade)
        else:
            minute.add(trade)
        return minute.candle(trade.symbol, opened_at, closed=False)

    def advance(self, now: datetime) -> list[Candle]:
        """The candles that are complete by ``now``, in order of time and symbol, each once."""
        over = sorted(key for key in self._open if self._is_over(key[0], now))
        return [
            self._open.pop((opened_at, symbol)).candle(symbol, opened_at, closed=True)
            for opened_at, symbol in over
        ]

    def _is_over(self, opened_at: datetime, now: datetime) -> bool:
        return opened_at + MINUTE + self._grace <= now


class _Minute:
    """What is known of one minute of one symbol."""

    __slots__ = ("close", "count", "first", "high", "last", "low", "open", "volume")

    def __init__(self, trade: Trade) -> None:
        self.first = self.last = (trade.at, trade.trade_id)
        self.open: Decimal = trade.price
        self.high: Decimal = trade.price
        self.low: Decimal = trade.price
        self.close: Decimal = trade.price
        self.volume = trade.quantity
        self.count = trade.count

    def add(self, trade: Trade) -> None:
        place = (trade.at, trade.trade_id)
        if place < self.first:
            self.first, self.open = place, trade.price
        if place >= self.last:
            self.last, self.close = place, trade.price
        self.high = max(self.high, trade.price)
        self.low = min(self.low, trade.price)
        self.volume += trade.quantity
        self.count += trade.count

    def candle(self, symbol: str, opened_at: datetime, *, closed: bool) -> Candle:
        return Candle(
            symbol,
            INTERVAL,
            opened_at,
            self.open,
            self.high,
            self.low,
            self.close,
            self.volume,
            self.count,
            closed,
        )


def _minute_of(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(second=0, microsecond=0)
