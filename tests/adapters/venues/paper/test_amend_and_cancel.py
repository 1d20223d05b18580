"""Amend and cancel: what is kept, what is lost, and what comes too late."""

import pytest

from domain.venue import Amendment
from tests.adapters.venues.paper.scenario import (
    Scenario,
    accepted,
    cancels,
    fills,
    reject_code,
)


def two_resting() -> Scenario:
    s = Scenario()
    s.quote("10.0", "10.1")
    s.order("first", "buy", "limit", "4", limit_price="9.9")
    s.order("second", "buy", "limit", "4", limit_price="9.9")
    return s


def test_less_quantity_keeps_priority() -> None:
    s = two_resting()
    assert accepted(s.amend("first", quantity="2")).venue_order_id == "1"
    assert [fill[0] for fill in fills(s.trade("9.9", "3"))] == ["first", "second"]


@pytest.mark.parametrize("changes", [{"quantity": "5"}, {"limit_price": "9.8"}])
def test_more_quantity_or_another_price_loses_priority(changes: dict[str, str]) -> None:
    s = two_resting()
    accepted(s.amend("first", **changes))
    if "limit_price" in changes:
        accepted(s.amend("first", limit_price="9.9"))
    assert [fill[0] for fill in fills(s.trade("9.9", "5"))] == ["second", "first"]


def test_a_price_moved_across_the_quote_takes() -> None:
    s = two_resting()
    assert fills(s.amend("first", limit_price="10.3")) == [("first", "4", "10.1", "taker")]


def test_a_post_only_order_cannot_be_moved_across_the_quote() -> None:
    s = Scenario()
    s.quote("10.0", "10.1")
    s.order("p", "buy", "limit", "4", limit_price="9.9", post_only=True)
    assert reject_code(s.amend("p", limit_price="10.1")) == "would_take"
    accepted(s.amend("p", limit_price="10.0"))


def test_quantity_must_leave_something_to_fill() -> None:
    s = two_resting()
    s.trade("9.9", "2")
    assert reject_code(s.amend("first", quantity="1.5")) == "quantity_filled"
    assert reject_code(s.amend("first", quantity="2")) == "quantity_filled"
    accepted(s.amend("first", quantity="2.5"))
    assert fills(s.trade("9.9", "1")) == [
        ("first", "0.5", "9.9", "maker"),
        ("second", "0.5", "9.9", "maker"),
    ]


@pytest.mark.parametrize(
    ("order", "changes", "code"),
    [
        ("first", {}, "no_change"),
        ("first", {"quantity": "4"}, "no_change"),
        ("first", {"stop_price": "9"}, "not_amendable"),
        ("first", {"limit_price": "9.95"}, "price_filter"),
        ("first", {"quantity": "3.3"}, "lot_size"),
        ("first", {"quantity": "0.5"}, "min_notional"),
        ("first", {"quantity": "-1"}, "quantity_filled"),
        ("stop", {"limit_price": "9"}, "not_amendable"),
        ("trail", {"stop_price": "9"}, "not_amendable"),
        ("gone", {"quantity": "1"}, "unknown_order"),
    ],
)
def test_what_cannot_be_amended(order: str, changes: dict[str, str], code: str) -> None:
    s = two_resting()
    s.order("stop", "sell", "stop_loss", "2", stop_price="8")
    s.order("trail", "sell", "trailing_stop", "2", trailing_offset="1")
    before = s.book.state()
    assert reject_code(s.amend(order, **changes)) == code
    assert s.book.state() == before


def test_a_stop_price_moves_until_it_has_triggered() -> None:
    s = Scenario()
    s.order("x", "sell", "stop_loss", "2", stop_price="9.0", limit_price="9.0")
    accepted(s.amend("x", stop_price="9.5"))
    s.trade("9.4", "0.5")
    assert reject_code(s.amend("x", stop_price="9.2")) == "not_amendable"
    accepted(s.amend("x", limit_price="9.1"))


def test_cancel_ends_the_order() -> None:
    s = two_resting()
    assert cancels(s.cancel("first")) == [("first", "user")]
    assert [fill[0] for fill in fills(s.trade("9.0"))] == ["second"]


@pytest.mark.parametrize("order", ["never", "filled", "cancelled"])
def test_a_cancel_that_comes_too_late(order: str) -> None:
    s = Scenario()
    s.quote("10.0", "10.1")
    s.order("filled", "buy", "market", "1")
    s.order("cancelled", "buy", "limit", "1", limit_price="9")
    s.cancel("cancelled")
    assert reject_code(s.cancel(order)) == "unknown_order"


def test_another_accounts_order_is_unknown() -> None:
    s = two_resting()
    assert reject_code(s.cancel("first", account="b")) == "unknown_order"
    assert reject_code(s.amend("first", account="b", quantity="1")) == "unknown_order"


def test_an_amendment_of_nothing_is_refused() -> None:
    s = two_resting()
    assert reject_code(s.keep(s.engine.amend("a", "first", Amendment(), s.tick()))) == "no_change"
