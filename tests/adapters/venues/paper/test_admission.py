"""What the venue refuses, and with which code."""

from datetime import timedelta
from typing import Any

import pytest

from tests.adapters.venues.paper.scenario import START, Scenario, accepted, reject_code

CASES: list[tuple[str, dict[str, Any], str]] = [
    ("limit", {"limit_price": "10", "symbol": "NOPEUSDT"}, "unknown_symbol"),
    ("limit", {"limit_price": "10", "symbol": "OLDUSDT"}, "not_trading"),
    ("oco", {"limit_price": "10", "stop_price": "9"}, "unsupported_type"),
    ("limit", {"limit_price": "10.05"}, "price_filter"),
    ("limit", {"limit_price": "1000.1"}, "price_filter"),
    ("stop_loss", {"stop_price": "9.99"}, "price_filter"),
    ("limit", {"limit_price": "10", "quantity": "1.2"}, "lot_size"),
    ("limit", {"limit_price": "10", "quantity": "100.5"}, "lot_size"),
    ("market", {"quantity": "50.5"}, "market_lot_size"),
    ("limit", {"limit_price": "9.9", "quantity": "0.5"}, "min_notional"),
    ("stop_loss", {"stop_price": "9.9", "quantity": "0.5"}, "min_notional"),
    ("market", {"quantity": "0.5"}, "min_notional"),
    ("limit", {}, "missing_field"),
    ("limit", {"limit_price": "10", "quantity": "-1"}, "not_positive"),
    ("limit", {"limit_price": "10", "time_in_force": "gtd"}, "invalid_expiry"),
    (
        "limit",
        {"limit_price": "10", "time_in_force": "gtd", "expire_at": START + timedelta(seconds=2)},
        "expired",
    ),
]


@pytest.mark.parametrize(("type_", "fields", "code"), CASES)
def test_rejected(type_: str, fields: dict[str, Any], code: str) -> None:
    s = Scenario()
    s.quote("9.8", "9.9")
    before = s.book.state()
    step = s.order("x", "buy", type_, **({"quantity": "2"} | fields))
    assert reject_code(step) == code
    assert (step.entries, s.book.state()) == ((), before)


@pytest.mark.parametrize("client_order_id", ["", "a" * 37, "a b", "a\x00", "ä", "١"])
def test_client_order_ids_are_such_as_venues_take(client_order_id: str) -> None:
    step = Scenario().order(client_order_id, "buy", "market", "2")
    assert reject_code(step) == "invalid_client_order_id"


def test_a_reduce_only_order_may_be_small() -> None:
    s = Scenario()
    s.quote("9.8", "9.9")
    accepted(s.order("x", "buy", "limit", "0.5", limit_price="9.9", reduce_only=True))


def test_a_client_order_id_is_unique_among_open_orders_only() -> None:
    s = Scenario()
    accepted(s.order("x", "buy", "limit", "1", limit_price="9"))
    assert reject_code(s.order("x", "buy", "market", "1")) == "duplicate_client_order_id"
    accepted(s.order("x", "buy", "limit", "1", limit_price="9", account="b"))
    s.trade("9", "1")
    assert s.open_ids() == []
    accepted(s.order("x", "buy", "limit", "1", limit_price="9"))


def test_time_never_runs_backwards() -> None:
    s = Scenario()
    later = accepted(s.order("x", "buy", "limit", "1", limit_price="9")).at
    s.tick(-3600)
    assert accepted(s.cancel("x")).at == later
