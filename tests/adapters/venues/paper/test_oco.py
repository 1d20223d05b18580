"""Two linked orders: one cancels the other."""

import pytest

from tests.adapters.venues.paper.scenario import Scenario, cancels, fills, reject_code, triggers


def place_pair(s: Scenario) -> None:
    s.order("stop", "sell", "stop_loss", "2", stop_price="9.0", linked="limit")
    s.order("limit", "sell", "limit", "2", limit_price="11.0", linked="stop")


def test_no_leg_executes_before_the_other_has_arrived() -> None:
    s = Scenario()
    s.quote("10.0", "10.1")
    assert fills(s.order("limit", "sell", "limit", "2", limit_price="9.5", linked="stop")) == []
    assert fills(s.quote("10.0", "10.1")) == []
    assert fills(s.trade("10.0")) == []
    step = s.order("stop", "sell", "stop_loss", "2", stop_price="9.0", linked="limit")
    assert fills(step) == [("limit", "2", "10.0", "taker")]
    assert cancels(step) == [("stop", "oco")]


def test_a_dormant_stop_does_not_trigger() -> None:
    s = Scenario()
    s.order("stop", "sell", "stop_loss", "2", stop_price="9.0", linked="limit")
    assert s.trade("8.0").entries == ()
    s.order("limit", "sell", "limit", "2", limit_price="11.0", linked="stop")
    assert triggers(s.trade("8.0")) == ["stop"]


def test_the_first_partial_fill_of_the_limit_cancels_the_stop() -> None:
    s = Scenario()
    place_pair(s)
    step = s.trade("11.0", "0.5")
    assert fills(step) == [("limit", "0.5", "11.0", "maker")]
    assert cancels(step) == [("stop", "oco")]
    assert s.open_ids() == ["limit"]
    assert triggers(s.trade("8.0")) == []


def test_the_trigger_of_the_stop_cancels_the_limit_before_it_executes() -> None:
    s = Scenario()
    s.quote("8.9", "9.1")
    place_pair(s)
    step = s.trade("9.0")
    names = [type(entry).__name__ for entry in step.entries]
    assert names == ["TriggerReport", "CancelReport", "FillReport"]
    assert cancels(step) == [("limit", "oco")]


def test_cancelling_one_leg_cancels_the_other() -> None:
    s = Scenario()
    place_pair(s)
    assert cancels(s.cancel("limit")) == [("limit", "user"), ("stop", "oco")]
    assert reject_code(s.cancel("stop")) == "unknown_order"


def test_legs_with_one_deadline_both_expire() -> None:
    s = Scenario()
    expire_at = s.now.replace(second=30)
    s.order("stop", "sell", "stop_loss", "2", stop_price="9.0", linked="limit",
            time_in_force="gtd", expire_at=expire_at)  # fmt: skip
    s.order("limit", "sell", "limit", "2", limit_price="11.0", linked="stop",
            time_in_force="gtd", expire_at=expire_at)  # fmt: skip
    names = [type(entry).__name__ for entry in s.advance(30).entries]
    assert names == ["ExpireReport", "ExpireReport"]


def test_a_leg_that_expires_takes_the_other_with_it() -> None:
    s = Scenario()
    expire_at = s.now.replace(second=30)
    s.order("stop", "sell", "stop_loss", "2", stop_price="9.0", linked="limit")
    s.order("limit", "sell", "limit", "2", limit_price="11.0", linked="stop",
            time_in_force="gtd", expire_at=expire_at)  # fmt: skip
    assert cancels(s.advance(30)) == [("stop", "oco")]


def test_both_legs_reached_by_one_trade_only_one_executes() -> None:
    s = Scenario()
    s.order("up", "sell", "take_profit", "2", stop_price="9.0", linked="down")
    s.order("down", "sell", "stop_loss", "2", stop_price="11.0", linked="up")
    step = s.trade("10.0")
    assert triggers(step) == ["up"]
    assert cancels(step) == [("down", "oco")]


def test_a_leg_that_has_executed_takes_no_new_partner() -> None:
    s = Scenario()
    place_pair(s)
    s.trade("11.0", "0.5")
    assert s.open_ids() == ["limit"]
    step = s.order("stop", "sell", "stop_loss", "2", stop_price="9.0", linked="limit")
    assert reject_code(step) == "invalid_link"
    assert fills(s.trade("11.0", "5")) == [("limit", "1.5", "11.0", "maker")]


@pytest.mark.parametrize(
    ("client_order_id", "linked", "side", "symbol"),
    [
        ("limit", "limit", "sell", "AAAUSDT"),
        ("limit", "stop", "buy", "AAAUSDT"),
        ("limit", "stop", "sell", "BNBUSDT"),
        ("other", "stop", "sell", "AAAUSDT"),
    ],
)
def test_legs_that_do_not_match_are_rejected(
    client_order_id: str, linked: str, side: str, symbol: str
) -> None:
    s = Scenario()
    s.order("stop", "sell", "stop_loss", "2", stop_price="9.0", linked="limit")
    step = s.order(
        client_order_id, side, "limit", "2", limit_price="11.0", linked=linked, symbol=symbol
    )
    assert reject_code(step) == "invalid_link"


def test_what_cannot_wait_cannot_be_a_leg() -> None:
    s = Scenario()
    assert reject_code(s.order("m", "sell", "market", "2", linked="x")) == "invalid_link"
    step = s.order("i", "sell", "limit", "2", limit_price="9", time_in_force="ioc", linked="x")
    assert reject_code(step) == "invalid_link"
