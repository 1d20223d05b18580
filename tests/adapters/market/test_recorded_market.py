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


def test_recorded_klines_of_the_minute_in_the_recording_equal_the_candles_of_its_trades() -> None:
    trades = [event for frame, _ in contents() if isinstance(event := decode(frame), Trade)]
    compared = 0
    for frame, data in contents():
        kline = decode(frame)
        if not isinstance(kline, Candle) or kline.opened_at != MINUTE:
            continue
        at = instant(int(data["E"]))
        builder, candle = CandleBuilder(), None
        for trade in trades:
            if trade.symbol == kline.symbol and MINUTE <= trade.at <= at:
                candle = builder.add(trade, at) or candle
        compared += candle == kline
    print(compared)


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
    hub.listen(
        lambda event: (
            ages.append((clock.now() - event.at).total_seconds())
            if isinstance(event, Quote)
            else None
        )
    )
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
