"""Limit orders: taking on arrival, resting, and who is served first."""

from decimal import Decimal

import pytest

from tests.adapters.venues.paper.scenario import Scenario, accepted, cancels, fills

D = Decimal


def test_a_crossing_limit_takes_the_quote_price_and_rests_with_what_is_left() -> None:
    s = Scenario()
    s.quote("10.0", "10.1", asks="3")
    step = s.order("l", "buy", "limit", "5", limit_price="10.5")
    assert fills(step) == [("l", "3", "10.1", "taker")]
    assert s.open_ids() == ["l"]
    assert fills(s.quote("10.2", "10.4", asks="9")) == [("l", "2", "10.4", "maker")]


def test_a_resting_limit_waits_short_of_its_price() -> None:
    s = Scenario()
    s.quote("10.0", "10.1")
    assert fills(s.order("l", "buy", "limit", "5", limit_price="10.0")) == []
    assert fills(s.trade("10.1")) == []
    assert fills(s.quote("10.0", "10.1")) == []


def test_a_trade_at_its_price_fills_by_the_traded_quantity() -> None:
    s = Scenario()
    s.quote("10.0", "10.1")
    s.order("l", "buy", "limit", "5", limit_price="10.0")
    assert fills(s.trade("10.0", "2")) == [("l", "2", "10.0", "maker")]
    assert fills(s.trade("10.0", "9")) == [("l", "3", "10.0", "maker")]


def test_a_trade_through_its_price_fills_in_full_at_the_printed_price() -> None:
    s = Scenario()
    s.quote("10.0", "10.1")
    s.order("b", "buy", "limit", "5", limit_price="9.9")
    s.order("s", "sell", "limit", "5", limit_price="10.2")
    assert fills(s.trade("9.8", "1")) == [("b", "5", "9.8", "maker")]
    assert fills(s.trade("10.3", "1")) == [("s", "5", "10.3", "maker")]


def test_resting_orders_share_a_print_by_price_then_time() -> None:
    s = Scenario()
    s.quote("9.5", "10.1")
    s.order("late", "buy", "limit", "1", limit_price="9.8", account="b")
    s.order("first", "buy", "limit", "2", limit_price="9.9")
    s.order("second", "buy", "limit", "2", limit_price="9.9", account="b")
    s.order("best", "buy", "limit", "1", limit_price="10.0")
    assert fills(s.trade("9.9", "4")) == [
        ("best", "1", "9.9", "maker"),
        ("first", "2", "9.9", "maker"),
        ("second", "1", "9.9", "maker"),
    ]


def test_a_crossing_quote_serves_resting_orders_by_price_then_time_after_market_orders() -> None:
    s = Scenario()
    s.order("low", "buy", "limit", "2", limit_price="10.0")
    s.order("high", "buy", "limit", "2", limit_price="10.2")
    s.order("same", "buy", "limit", "2", limit_price="10.2", account="b")
    s.order("market", "buy", "market", "1")
    assert fills(s.quote("9.9", "10.0", asks="6")) == [
        ("market", "1", "10.0", "taker"),
        ("high", "2", "10.0", "maker"),
        ("same", "2", "10.0", "maker"),
        ("low", "1", "10.0", "maker"),
    ]


@pytest.mark.parametrize(
    ("time_in_force", "limit_price", "filled", "reason"),
    [
        ("ioc", "10.1", [("l", "3", "10.1", "taker")], [("l", "ioc")]),
        ("ioc", "10.0", [], [("l", "ioc")]),
        ("fok", "10.1", [], [("l", "fok")]),
        ("fok", "10.0", [], [("l", "fok")]),
    ],
)
def test_immediate_orders_never_rest(
    time_in_force: str,
    limit_price: str,
    filled: list[tuple[str, str, str, str]],
    reason: list[tuple[str, str]],
) -> None:
    s = Scenario()
    s.quote("10.0", "10.1", asks="3")
    step = s.order("l", "buy", "limit", "5", limit_price=limit_price, time_in_force=time_in_force)
    accepted(step)
    assert (fills(step), cancels(step)) == (filled, reason)
    assert s.open_ids() == []


def test_fok_counts_only_what_is_still_displayed() -> None:
    s = Scenario()
    s.quote("10.0", "10.1", asks="3")
    s.order("m", "buy", "market", "1")
    step = s.order("l", "buy", "limit", "3", limit_price="10.1", time_in_force="fok")
    assert cancels(step) == [("l", "fok")]
    step = s.order("l", "buy", "limit", "2", limit_price="10.1", time_in_force="fok")
    assert fills(step) == [("l", "2", "10.1", "taker")]


def test_post_only_is_cancelled_where_it_would_take() -> None:
    s = Scenario()
    s.quote("10.0", "10.1")
    step = s.order("p", "buy", "limit", "1", limit_price="10.1", post_only=True)
    assert (fills(step), cancels(step)) == ([], [("p", "post_only")])
    s.order("p", "buy", "limit", "1", limit_price="10.0", post_only=True)
    assert fills(s.trade("10.0")) == [("p", "1", "10.0", "maker")]


def test_gtd_expires_at_its_time_and_not_before() -> None:
    s = Scenario()
    expire_at = s.now.replace(second=10)
    s.order("g", "buy", "limit", "1", limit_price="9", time_in_force="gtd", expire_at=expire_at)
    assert s.advance(8).entries == ()
    step = s.advance(1)
    assert [type(entry).__name__ for entry in step.entries] == ["ExpireReport"]
    assert s.open_ids() == []


def test_gtd_does_not_trade_at_or_after_its_time() -> None:
    s = Scenario()
    expire_at = s.now.replace(second=3)
    s.order("g", "buy", "limit", "1", limit_price="9", time_in_force="gtd", expire_at=expire_at)
    s.advance(1)
    assert fills(s.trade("8")) == []
    assert s.open_ids() == []


def test_nothing_matches_a_market_that_was_forgotten() -> None:
    s = Scenario()
    s.quote("10.0", "10.1")
    s.engine.forget_market()
    assert fills(s.order("m", "buy", "market", "1")) == []
    assert fills(s.quote("10.0", "10.1")) == [("m", "1", "10.1", "taker")]
