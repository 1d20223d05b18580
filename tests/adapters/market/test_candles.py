from collections import defaultdict
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.market.candles import MINUTE, CandleBuilder
from domain.market_data import Candle, Trade
from tests.adapters.market.samples import AT

SECOND = timedelta(seconds=1)
LONG_AFTER = AT + timedelta(days=1)


def trade_at(seconds: float, price: str, number: int = 1, count: int = 1) -> Trade:
    at = AT + timedelta(seconds=seconds)
    return Trade("SUSHIUSDT", number, Decimal(price), Decimal(10), False, at, count)


def test_the_open_candle_grows_with_each_trade() -> None:
    builder = CandleBuilder()
    builder.add(trade_at(1, "7.0", 1), AT + SECOND)
    builder.add(trade_at(2, "9.0", 2, count=3), AT + 2 * SECOND)
    candle = builder.add(trade_at(3, "6.0", 3), AT + 3 * SECOND)
    seven, nine, six = Decimal(7), Decimal(9), Decimal(6)
    assert candle == Candle("SUSHIUSDT", "1m", AT, seven, nine, six, six, Decimal(30), 5, False)


def test_a_minute_closes_once_after_its_grace() -> None:
    builder = CandleBuilder(grace=2 * SECOND)
    builder.add(trade_at(59, "7.0"), AT + 59 * SECOND)
    assert builder.advance(AT + MINUTE + 2 * SECOND - timedelta.resolution) == []
    (candle,) = builder.advance(AT + MINUTE + 2 * SECOND)
    assert candle.closed
    assert candle.opened_at == AT
    assert builder.advance(LONG_AFTER) == []


def test_a_trade_late_within_the_grace_still_counts() -> None:
    builder = CandleBuilder(grace=2 * SECOND)
    builder.add(trade_at(30, "7.0", 2), AT + 30 * SECOND)
    builder.add(trade_at(61, "8.0", 3), AT + 61 * SECOND)
    assert builder.add(trade_at(29, "5.0", 1), AT + 61 * SECOND) is not None
    first, second = builder.advance(LONG_AFTER)
    assert (first.open, first.close) == (Decimal(5), Decimal(7))
    assert (second.open, second.close) == (Decimal(8), Decimal(8))
    assert (first.trades, second.trades) == (2, 1)
    assert builder.late == 0


def test_a_trade_too_late_is_left_out_and_counted() -> None:
    builder = CandleBuilder(grace=2 * SECOND)
    assert builder.add(trade_at(59, "7.0"), AT + 62 * SECOND) is None
    assert builder.late == 1
    assert builder.advance(LONG_AFTER) == []


def test_a_trade_from_the_future_is_left_out_and_counted() -> None:
    builder = CandleBuilder(grace=2 * SECOND)
    assert builder.add(trade_at(3, "7.0"), AT + SECOND) is not None
    assert builder.add(trade_at(3.1, "7.0"), AT + SECOND) is None
    assert builder.premature == 1


def test_a_minute_without_trades_has_no_candle() -> None:
    builder = CandleBuilder()
    builder.add(trade_at(0, "7.0"), AT)
    builder.add(trade_at(180, "8.0"), AT + 180 * SECOND)
    assert [candle.opened_at for candle in builder.advance(LONG_AFTER)] == [AT, AT + 3 * MINUTE]


TRADES = st.lists(
    st.builds(
        Trade,
        symbol=st.sampled_from(["BTCUSDT", "SUSHIUSDT"]),
        trade_id=st.integers(1, 50),
        price=st.decimals("0.01", "100", places=2),
        quantity=st.decimals("0.001", "10", places=3),
        buyer_is_maker=st.booleans(),
        at=st.integers(0, 200_000).map(lambda ms: AT + timedelta(milliseconds=ms)),
        count=st.integers(1, 5),
    ),
    max_size=40,
    unique_by=lambda trade: (trade.symbol, trade.trade_id),
)


def by_hand(trades: list[Trade]) -> list[Candle]:
    """Sorts everything and cuts it into minutes: another way than the builder's."""
    groups: dict[tuple[int, str], list[Trade]] = defaultdict(list)
    for trade in sorted(trades, key=lambda trade: (trade.at, trade.trade_id)):
        groups[int(trade.at.timestamp()) // 60, trade.symbol].append(trade)
    return [
        Candle(
            symbol,
            "1m",
            AT + (minute - int(AT.timestamp()) // 60) * MINUTE,
            group[0].price,
            sorted(trade.price for trade in group)[-1],
            sorted(trade.price for trade in group)[0],
            group[-1].price,
            sum((trade.quantity for trade in group), Decimal(0)),
            sum(trade.count for trade in group),
            True,
        )
        for (minute, symbol), group in sorted(groups.items())
    ]


@given(TRADES)
def test_candles_equal_an_independent_computation_in_any_order_of_arrival(
    trades: list[Trade],
) -> None:
    builder = CandleBuilder(grace=timedelta(minutes=10))
    for trade in trades:
        builder.add(trade, AT + timedelta(seconds=200))
    assert builder.advance(LONG_AFTER) == by_hand(trades)


@given(TRADES)
def test_a_live_run_closes_every_minute_once_with_every_trade_in_time(trades: list[Trade]) -> None:
    builder = CandleBuilder()
    closed: list[Candle] = []
    for trade in sorted(trades, key=lambda trade: (trade.at, trade.trade_id)):
        closed += builder.advance(trade.at)
        builder.add(trade, trade.at)
    closed += builder.advance(LONG_AFTER)
    assert sorted(closed, key=lambda candle: (candle.opened_at, candle.symbol)) == by_hand(trades)
    assert builder.late == builder.premature == 0


@pytest.mark.parametrize("seconds", [0, 59.999999])
def test_a_minute_begins_at_its_first_and_ends_before_the_next(seconds: float) -> None:
    builder = CandleBuilder()
    candle = builder.add(trade_at(seconds, "7.0"), AT + MINUTE)
    assert candle is not None
    assert candle.opened_at == AT
