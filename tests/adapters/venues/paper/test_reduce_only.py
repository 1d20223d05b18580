"""Reduce-only orders follow the venue's own position of the account."""

from decimal import Decimal

from tests.adapters.venues.paper.scenario import Scenario, cancels, fills, triggers

D = Decimal


def long(quantity: str) -> Scenario:
    s = Scenario()
    s.quote("10.0", "10.1", "50", "50")
    s.order("entry", "buy", "market", quantity)
    return s


def test_without_a_position_it_is_cancelled() -> None:
    s = Scenario()
    s.quote("10.0", "10.1")
    step = s.order("r", "sell", "market", "2", reduce_only=True)
    assert (fills(step), cancels(step)) == ([], [("r", "reduce_only")])


def test_it_does_not_increase_a_position() -> None:
    s = long("2")
    step = s.order("r", "buy", "market", "1", reduce_only=True)
    assert cancels(step) == [("r", "reduce_only")]


def test_it_is_capped_by_the_position() -> None:
    s = long("2")
    step = s.order("r", "sell", "market", "5", reduce_only=True)
    assert fills(step) == [("r", "2", "10.0", "taker")]
    assert cancels(step) == [("r", "reduce_only")]
    assert s.position() == 0


def test_another_accounts_position_does_not_count() -> None:
    s = long("2")
    step = s.order("r", "sell", "market", "1", account="b", reduce_only=True)
    assert cancels(step) == [("r", "reduce_only")]


def test_resting_ones_are_cancelled_when_the_position_is_gone() -> None:
    s = long("2")
    s.order("r1", "sell", "limit", "2", limit_price="11.0", reduce_only=True)
    s.order("r2", "sell", "limit", "2", limit_price="12.0", reduce_only=True)
    s.order("plain", "sell", "limit", "2", limit_price="12.0")
    step = s.trade("11.0", "5")
    assert fills(step) == [("r1", "2", "11.0", "maker")]
    assert cancels(step) == [("r2", "reduce_only")]
    assert s.open_ids() == ["plain"]


def test_fok_needs_only_what_the_position_allows() -> None:
    s = long("2")
    s.quote("10.0", "10.1", bids="3")
    step = s.order("r", "sell", "market", "5", reduce_only=True, time_in_force="fok")
    assert fills(step) == [("r", "2", "10.0", "taker")]
    assert cancels(step) == [("r", "reduce_only")]


def test_a_stop_is_looked_at_when_it_triggers() -> None:
    s = Scenario()
    s.quote("10.0", "10.1")
    s.order("r", "sell", "stop_loss", "2", stop_price="9.0", reduce_only=True)
    step = s.trade("9.0")
    assert (triggers(step), fills(step), cancels(step)) == (["r"], [], [("r", "reduce_only")])


def test_a_position_that_turns_is_reduced_from_the_other_side() -> None:
    s = long("2")
    s.order("flip", "sell", "market", "5")
    assert s.position() == D(-3)
    step = s.order("r", "buy", "market", "9", reduce_only=True)
    assert fills(step) == [("r", "3", "10.1", "taker")]
