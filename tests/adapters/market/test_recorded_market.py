"""The decoder, the player and the candles against a real recording."""

import gzip
import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from adapters.market.binance_frames import decode
from adapters.market.candles import CandleBuilder
from adapters.market.exchange_info import parse_exchange_info
from adapters.market.feed import Feed
from adapters.market.hub import MarketHub
from adapters.market.player import RecordingPlayer
from adapters.market.recording import Recording
from domain.market_data import Candle, DepthUpdate, MarketEvent, Quote, Trade
from tests.adapters.market.recorded import EXCHANGE_INFO, FRAMES
from tests.adapters.market.samples import metrics, total
from tests.adapters.market.virtual_clock import VirtualClock

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE = datetime(2021, 7, 22, 22, 26, tzinfo=UTC)
"""The one minute whose beginning is in the recording."""


def instant(milliseconds: int) -> datetime:
    return EPOCH + timedelta(milliseconds=milliseconds)


def by_hand(data: dict[str, Any]) -> MarketEvent:
    """The event that a frame says, read with the standard library's JSON alone."""

    def number(name: str) -> Decimal:
        return Decimal(data[name])

    symbol, kind, at = data["s"], data["e"], int(data["E"])
    if kind == "bookTicker":
        return Quote(symbol, number("b"), number("B"), number("a"), number("A"), instant(at))
    if kind == "aggTrade":
        count = int(data["l"]) - int(data["f"]) + 1
        number_, maker, time = int(data["a"]), bool(data["m"]), int(data["T"])
        return Trade(symbol, number_, number("p"), number("q"), maker, instant(time), count)
    if kind == "depthUpdate":
        sides = [tuple((Decimal(p), Decimal(q)) for p, q in data[side]) for side in "ba"]
        ids = [int(data[name]) for name in ("U", "u", "pu")]
        return DepthUpdate(symbol, ids[0], ids[1], ids[2], sides[0], sides[1], instant(at))
    raise AssertionError(kind)


def contents() -> Iterator[tuple[bytes, dict[str, Any]]]:
    for frame in Recording(FRAMES).read():
        yield frame.payload, json.loads(frame.payload)["data"]


def test_every_recorded_frame_says_what_its_json_says() -> None:
    kinds: dict[str, int] = defaultdict(int)
    for frame, data in contents():
        kinds[data["e"]] += 1
        if data["e"] != "kline":
            assert decode(frame) == by_hand(data)
    assert kinds == {"aggTrade": 91, "bookTicker": 613, "depthUpdate": 764, "kline": 67}


def covered_trades(body: dict[str, Any]) -> list[Trade]:
    """The trades that lie whole within the matches a kline counts, first to last."""
    trades = [
        (data, decode(frame))
        for frame, data in contents()
        if data["e"] == "aggTrade" and data["s"] == body["s"]
    ]
    return [
        trade
        for data, trade in trades
        if isinstance(trade, Trade) and body["f"] <= data["f"] and data["l"] <= body["L"]
    ]


def test_klines_whose_trades_are_all_in_the_recording_equal_the_candles_built_from_them() -> None:
    compared = []
    for frame, data in contents():
        kline, body = decode(frame), data["k"] if data["e"] == "kline" else {}
        if not isinstance(kline, Candle) or kline.opened_at != MINUTE:
            continue
        trades = covered_trades(body)
        # A kline may count up to the middle of a trade that joins several matches.
        if sum(trade.count for trade in trades) == kline.trades:
            builder = CandleBuilder()
            assert [builder.add(trade, MINUTE + timedelta(minutes=1)) for trade in trades][
                -1
            ] == kline
            compared.append(kline.symbol)
    assert sorted(set(compared)) == ["CTKUSDT", "KEEPUSDT", "SUSHIUSDT"]
    assert len(compared) == 15


@pytest.mark.parametrize("speed", [1.0, 10.0])
async def test_a_replay_takes_the_recorded_time(speed: float) -> None:
    clock, counters = VirtualClock(), metrics()
    hub, heard = MarketHub(counters), list[MarketEvent]()
    hub.listen(heard.append)
    await Feed(RecordingPlayer(Recording(FRAMES), clock, speed=speed), hub, clock, counters).run()
    assert clock.monotonic() == pytest.approx(30.139636 / speed, abs=1e-6)
    assert len(heard) == total(counters.frames) == 1_535
    assert total(counters.bad_frames) == 0
    assert {quote.symbol for quote in hub.quotes()} == {
        f"{base}USDT" for base in ("SUSHI", "AKRO", "KEEP", "CTK")
    }


async def test_restamped_quotes_are_as_fresh_as_they_were() -> None:
    clock, ages = VirtualClock(), list[float]()
    hub = MarketHub(metrics())
    player = RecordingPlayer(Recording(FRAMES), clock, restamp=True)

    def note_age(event: MarketEvent) -> None:
        if isinstance(event, Quote):
            ages.append((clock.now() - event.at).total_seconds())

    hub.listen(note_age)
    await Feed(player, hub, clock, metrics(), candles=CandleBuilder()).run()
    assert len(ages) == 613
    assert 0 < min(ages) < max(ages) < 2


def test_every_recorded_perpetual_contract_is_read() -> None:
    answer = gzip.decompress(EXCHANGE_INFO.read_bytes())
    info = parse_exchange_info(answer)
    perpetual = [one for one in json.loads(answer)["symbols"] if one["contractType"] == "PERPETUAL"]
    assert info.refused == ()
    assert [one.symbol for one in info.instruments] == [one["symbol"] for one in perpetual]
    for instrument, described in zip(info.instruments, perpetual, strict=True):
        filters = {one["filterType"]: one for one in described["filters"]}
        assert instrument.tick_size == Decimal(filters["PRICE_FILTER"]["tickSize"])
        assert instrument.lot_size == Decimal(filters["LOT_SIZE"]["stepSize"])
        assert instrument.min_notional == Decimal(filters["MIN_NOTIONAL"]["notional"])
