"""Stops, take-profits and trailing stops: what sets them off, and what they become."""

from decimal import Decimal

import pytest

from domain.order.trailing import TrailingStep
from domain.venue import StopMovedReport
from tests.adapters.venues.paper.scenario import Scenario, fills, triggers

D = Decimal


@pytest.mark.parametrize(
    ("type_", "side", "short_of", "reached"),
    [
        ("stop_loss", "sell", "10.1", "10.0"),
        ("stop_loss", "buy", "9.9", "10.0"),
        ("take_profit", "sell", "9.9", "10.0"),
        ("take_profit", "buy", "10.1", "10.0"),
    ],
)
def test_a_trade_at_the_stop_price_triggers(
    type_: str, side: str, short_of: str, reached: str
) -> None:
    s = Scenario()
    s.quote("9.8", "10.2", bids="1", asks="1")
    s.order("x", side, type_, "2", stop_price="10.0")
    assert s.trade(short_of).entries == ()
    step = s.trade(reached)
    assert triggers(step) == ["x"]
    assert fills(step) == [("x", "1", "10.2" if side == "buy" else "9.8", "taker")]
    assert s.open_ids() == ["x"]


def test_quotes_do_not_trigger() -> None:
    s = Scenario()
    s.order("x", "sell", "stop_loss", "2", stop_price="10.0")
    assert s.quote("8.0", "8.1").entries == ()


def test_trades_before_its_arrival_do_not_trigger() -> None:
    s = Scenario()
    s.trade("9.0")
    assert triggers(s.order("x", "sell", "stop_loss", "2", stop_price="10.0")) == []
    assert triggers(s.trade("9.0")) == ["x"]


def test_a_stop_limit_rests_at_its_limit_once_triggered() -> None:
    s = Scenario()
    s.quote("9.7", "9.9")
    s.order("x", "sell", "stop_loss", "2", stop_price="10.0", limit_price="9.8")
    assert fills(s.trade("9.9")) == []
    assert fills(s.trade("9.8", "1.5")) == [("x", "1.5", "9.8", "maker")]


def test_the_trade_that_triggers_does_not_fill() -> None:
    s = Scenario()
    s.order("x", "buy", "stop_loss", "2", stop_price="10.0", limit_price="11.0")
    step = s.trade("10.5")
    assert (triggers(step), fills(step)) == (["x"], [])


def test_a_triggered_order_stands_behind_those_already_there() -> None:
    s = Scenario()
    s.order("stop", "sell", "stop_loss", "2", stop_price="10.0", limit_price="9.9")
    s.order("rest", "sell", "limit", "2", limit_price="9.9")
    s.quote("9.7", "9.8")
    assert triggers(s.trade("9.7")) == ["stop"]
    assert [fill[0] for fill in fills(s.trade("9.9", "3"))] == ["rest", "stop"]


def moved_to(entries: tuple[object, ...]) -> list[str]:
    return [str(entry.stop_price) for entry in entries if isinstance(entry, StopMovedReport)]


def test_a_trailing_stop_follows_at_its_offset_and_never_back() -> None:
    s = Scenario()
    s.quote("10.0", "10.1")
    s.order("t", "sell", "trailing_stop", "1", trailing_offset="1.0")
    assert moved_to(s.trade("10.0").entries) == ["9.0"]
    assert moved_to(s.trade("10.5").entries) == ["9.5"]
    assert s.trade("10.0").entries == ()
    step = s.trade("9.5")
    assert (triggers(step), fills(step)) == (["t"], [("t", "1", "10.0", "taker")])


def test_a_buy_trailing_stop_follows_down() -> None:
    s = Scenario()
    s.order("t", "buy", "trailing_stop", "1", trailing_offset="1.0", stop_price="12.0")
    assert moved_to(s.trade("11.5").entries) == []
    assert moved_to(s.trade("10.0").entries) == ["11.0"]
    assert triggers(s.trade("11.0")) == ["t"]


def test_a_trailing_stop_by_profit_steps() -> None:
    s = Scenario()
    steps = (TrailingStep(D("1.5"), D("1.5")), TrailingStep(D("1.8"), D("1.8")))
    s.order("t", "sell", "trailing_stop", "1", entry_price="10", trailing_steps=steps)
    assert moved_to(s.trade("14.9").entries) == []
    assert moved_to(s.trade("15.2").entries) == ["15.0"]
    assert moved_to(s.trade("17.9").entries) == []
    assert moved_to(s.trade("18.4").entries) == ["18.0"]
    assert triggers(s.trade("18.1")) == []
    assert triggers(s.trade("17.9")) == ["t"]


def test_a_step_reached_exactly_lifts_the_stop_and_the_next_print_there_triggers() -> None:
    s = Scenario()
    steps = (TrailingStep(D("1.5"), D("1.5")),)
    s.order("t", "sell", "trailing_stop", "1", entry_price="10", trailing_steps=steps)
    step = s.trade("15.0")
    assert (moved_to(step.entries), triggers(step)) == (["15.0"], [])
    assert triggers(s.trade("15.0")) == ["t"]
