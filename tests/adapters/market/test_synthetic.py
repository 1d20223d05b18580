from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.market.binance_frames import decode
from adapters.market.candles import CandleBuilder
from adapters.market.static_instruments import StaticInstruments
from adapters.market.synthetic import SyntheticMarket, SyntheticSource, default_symbols
from adapters.market.synthetic_symbol import SyntheticSymbol
from domain.decimals import is_multiple
from domain.market_data import Candle, DepthUpdate, MarketEvent, Quote, Trade
from tests.adapters.market.samples import AT
from tests.adapters.market.virtual_clock import VirtualClock

SYMBOLS = default_symbols(StaticInstruments.default().all())
STEP = timedelta(milliseconds=250)


def frames(
    seed: int, steps: int, symbols: tuple[SyntheticSymbol, ...] = SYMBOLS
) -> Iterator[bytes]:
    market = SyntheticMarket(symbols, Random(seed))
    for number in range(steps):
        yield from market.step(AT + number * STEP)


def events(seed: int, steps: int) -> Iterator[MarketEvent]:
    return map(decode, frames(seed, steps))


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    assert list(frames(7, 50)) == list(frames(7, 50))
    assert list(frames(7, 50)) != list(frames(8, 50))


def test_the_wire_format_is_the_venues() -> None:
    fields = {
        "bookTicker": "e u s b B a A T E",
        "aggTrade": "e E a s p q f l T m",
        "depthUpdate": "e E T s U u pu b a",
        "kline": "e E s k",
    }
    seen = set()
    for frame in frames(1, 300):
        content = msgspec.json.decode(frame)
        data = content["data"]
        assert list(content) == ["stream", "data"]
        assert content["stream"].startswith(data["s"].lower() + "@")
        assert list(data) == fields[data["e"]].split()
        seen.add(data["e"])
    assert seen == set(fields)


@given(st.integers(0, 2**32))
def test_prices_are_on_tick_quantities_on_lot_and_quotes_never_crossed(seed: int) -> None:
    instruments = StaticInstruments.default()
    for event in events(seed, 30):
        instrument = instruments.get(event.symbol)
        assert instrument is not None
        if isinstance(event, Quote):
            assert event.is_usable
            assert event.bid < event.ask
            assert instrument.is_on_tick(event.bid)
            assert instrument.is_on_tick(event.ask)
            assert instrument.is_on_lot(event.bid_quantity)
        if isinstance(event, Trade):
            assert instrument.is_on_tick(event.price)
            assert instrument.is_on_lot(event.quantity)
            assert instrument.admits_price(event.price)


@given(st.integers(0, 2**32))
def test_trades_happen_at_the_touch_for_what_stands_there(seed: int) -> None:
    touch: dict[str, Quote] = {}
    for event in events(seed, 30):
        if isinstance(event, Quote):
            touch[event.symbol] = event
        if isinstance(event, Trade):
            quote = touch[event.symbol]
            there = (quote.bid, quote.bid_quantity), (quote.ask, quote.ask_quantity)
            price, quantity = there[0] if event.buyer_is_maker else there[1]
            assert event.price == price
            assert event.quantity <= quantity


@given(st.integers(0, 2**32))
def test_the_book_built_from_the_depth_updates_has_the_quoted_touch(seed: int) -> None:
    books: dict[str, tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]]] = defaultdict(
        lambda: ({}, {})
    )
    last: dict[str, int] = defaultdict(int)
    touch: dict[str, Quote] = {}
    for event in events(seed, 30):
        if isinstance(event, Quote):
            touch[event.symbol] = event
        if isinstance(event, DepthUpdate):
            assert event.previous_update_id == last[event.symbol]
            assert event.first_update_id <= event.last_update_id
            last[event.symbol] = event.last_update_id
            bids, asks = books[event.symbol]
            for side, changes in ((bids, event.bids), (asks, event.asks)):
                side.update(changes)
                for price in [price for price, quantity in side.items() if not quantity]:
                    del side[price]
            quote = touch[event.symbol]
            assert (max(bids), bids[max(bids)]) == (quote.bid, quote.bid_quantity)
            assert (min(asks), asks[min(asks)]) == (quote.ask, quote.ask_quantity)


def test_klines_equal_the_candles_of_the_trades() -> None:
    builder, klines, candles = CandleBuilder(timedelta(0)), list[Candle](), list[Candle]()
    market = SyntheticMarket(SYMBOLS, Random(3))
    for number in range(4 * 60 * 3 + 1):
        now = AT + number * STEP
        candles += builder.advance(now)
        for event in map(decode, market.step(now)):
            if isinstance(event, Candle) and event.closed:
                klines.append(event)
            if isinstance(event, Trade):
                builder.add(event, now)
    assert len(klines) == 3 * len(SYMBOLS)
    by_time = sorted(klines, key=lambda one: (one.opened_at, one.symbol))
    assert by_time == candles


def test_prices_come_back_to_the_anchor() -> None:
    (symbol,) = [one for one in SYMBOLS if one.symbol == "SUSHIUSDT"]
    mids = [one.mid for one in map(decode, frames(5, 20_000, (symbol,))) if isinstance(one, Quote)]
    assert len(set(mids)) > 50
    assert all(
        symbol.anchor * Decimal("0.8") < mid < symbol.anchor * Decimal("1.2") for mid in mids
    )


def test_an_instrument_without_a_likely_price_of_its_own() -> None:
    (known,) = [one for one in StaticInstruments.default().all() if one.symbol == "SUSHIUSDT"]
    (symbol,) = default_symbols([msgspec.structs.replace(known, symbol="NEWUSDT")])
    assert symbol.anchor == Decimal("10.0000")
    assert is_multiple(symbol.anchor, symbol.tick_size)


async def test_the_source_keeps_its_pace() -> None:
    clock = VirtualClock()
    source = SyntheticSource(SyntheticMarket(SYMBOLS[:1], Random(1)), clock, 0.5)
    stream = source.frames()
    instants = set()
    while clock.monotonic() < 5:
        frame = await anext(stream)
        instants.add((frame.received_at - AT).total_seconds())
        assert decode(frame.payload)
    await stream.aclose()
    assert sorted(instants) == [0.5 * number for number in range(11)]


async def test_missed_steps_are_not_made_up_for() -> None:
    clock = VirtualClock()
    source = SyntheticSource(SyntheticMarket(SYMBOLS[:1], Random(1)), clock, 0.5)
    stream = source.frames()
    await anext(stream)
    clock.advance(3_600)
    instants = set()
    while clock.monotonic() < 3_605:
        instants.add((await anext(stream)).received_at)
    await stream.aclose()
    assert len(instants) < 15


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_a_step_that_cannot_be(seconds: float) -> None:
    with pytest.raises(ValueError, match="step"):
        SyntheticSource(SyntheticMarket(SYMBOLS, Random(1)), VirtualClock(), seconds)


def test_a_market_without_symbols() -> None:
    with pytest.raises(ValueError, match="symbol"):
        SyntheticMarket((), Random(1))
