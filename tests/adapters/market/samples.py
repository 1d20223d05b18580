"""Frames and events to test with."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
from prometheus_client import CollectorRegistry, Counter

from adapters.market.metrics import MarketMetrics
from domain.market_data import Quote, Trade

AT = datetime(2024, 3, 1, 12, 0, 0, tzinfo=UTC)
AT_MS = 1_709_294_400_000

BOOK_TICKER: dict[str, object] = {
    "e": "bookTicker",
    "u": 17,
    "s": "SUSHIUSDT",
    "b": "7.6110",
    "B": "2",
    "a": "7.6120",
    "A": "297",
    "T": AT_MS - 4,
    "E": AT_MS,
}
AGG_TRADE: dict[str, object] = {
    "e": "aggTrade",
    "E": AT_MS + 3,
    "a": 5,
    "s": "SUSHIUSDT",
    "p": "7.6120",
    "q": "33",
    "f": 100,
    "l": 102,
    "T": AT_MS,
    "m": False,
}
DEPTH_UPDATE: dict[str, object] = {
    "e": "depthUpdate",
    "E": AT_MS,
    "T": AT_MS - 9,
    "s": "SUSHIUSDT",
    "U": 157,
    "u": 160,
    "pu": 149,
    "b": [["7.6090", "0"], ["7.6110", "2"]],
    "a": [],
}
KLINE_BODY: dict[str, object] = {
    "t": AT_MS,
    "T": AT_MS + 59_999,
    "s": "SUSHIUSDT",
    "i": "1m",
    "f": 100,
    "L": 200,
    "o": "7.6100",
    "c": "7.6120",
    "h": "7.6150",
    "l": "7.6050",
    "v": "1000",
    "n": 101,
    "x": True,
    "q": "7611.0",
    "V": "500",
    "Q": "3805.5",
    "B": "0",
}
KLINE: dict[str, object] = {"e": "kline", "E": AT_MS, "s": "SUSHIUSDT", "k": KLINE_BODY}

FRAMES = (BOOK_TICKER, AGG_TRADE, DEPTH_UPDATE, KLINE)


def raw(content: dict[str, object], **changes: object) -> bytes:
    """The frame of a raw stream, with some fields changed; a field set to ... is left out."""
    merged = {name: value for name, value in (content | changes).items() if value is not ...}
    return msgspec.json.encode(merged)


def combined(content: dict[str, object], **changes: object) -> bytes:
    return b'{"stream":"sushiusdt@any","data":' + raw(content, **changes) + b"}"


def quote(symbol: str = "SUSHIUSDT", bid: str = "7.6110", ask: str = "7.6120") -> Quote:
    return Quote(symbol, Decimal(bid), Decimal(2), Decimal(ask), Decimal(297), AT)


def trade(number: int = 5) -> Trade:
    return Trade("SUSHIUSDT", number, Decimal("7.6120"), Decimal(33), False, AT, 3)


def metrics() -> MarketMetrics:
    """Counters of their own for one test."""
    return MarketMetrics(CollectorRegistry())


def total(counter: Counter) -> float:
    """What a counter says, over all its labels."""
    samples = [sample for metric in counter.collect() for sample in metric.samples]
    return sum(sample.value for sample in samples if sample.name.endswith("_total"))
