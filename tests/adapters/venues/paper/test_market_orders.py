"""Market orders take what is displayed at the best quote."""

from decimal import Decimal

from tests.adapters.venues.paper.scenario import Scenario, accepted, cancels, fills

D = Decimal


def test_takes_the_displayed_quantity_and_waits_for_the_next_quote() -> None:
    s = Scenario()
    s.quote("10.0", "10.1", asks="3")
    step = s.order("m", "buy", "market", "5")
    assert accepted(step).venue_order_id == "1"
    assert fills(step) == [("m", "3", "10.1", "taker")]
    assert fills(s.quote("10.0", "10.2", asks="1")) == [("m", "1", "10.2", "taker")]
    assert fills(s.quote("10.0", "10.3", asks="9")) == [("m", "1", "10.3", "taker")]
    assert s.open_ids() == []
    assert s.position() == D(5)


def test_a_seller_takes_the_bid() -> None:
    s = Scenario()
    s.quote("10.0", "10.1", bids="3")
    assert fills(s.order("m", "sell", "market", "2")) == [("m", "2", "10.0", "taker")]
    assert s.position() == D(-2)


def test_displayed_quantity_is_taken_once() -> None:
    s = Scenario()
    s.quote("10.0", "10.1", asks="3")
    assert fills(s.order("m1", "buy", "market", "2")) == [("m1", "2", "10.1", "taker")]
    assert fills(s.order("m2", "buy", "market", "2", account="b")) == [("m2", "1", "10.1", "taker")]
    assert fills(s.order("m3", "buy", "market", "2")) == []
    assert fills(s.quote("10.0", "10.1", asks="3")) == [
        ("m2", "1", "10.1", "taker"),
        ("m3", "2", "10.1", "taker"),
    ]


def test_without_a_quote_it_waits() -> None:
    s = Scenario()
    assert fills(s.order("m", "buy", "market", "2")) == []
    assert s.open_ids() == ["m"]
    assert fills(s.trade("10.0")) == []
    assert fills(s.quote("9.9", "10.0")) == [("m", "2", "10.0", "taker")]


def test_ioc_cancels_what_is_not_displayed() -> None:
    s = Scenario()
    s.quote("10.0", "10.1", asks="3")
    step = s.order("m", "buy", "market", "5", time_in_force="ioc")
    assert fills(step) == [("m", "3", "10.1", "taker")]
    assert cancels(step) == [("m", "ioc")]


def test_fok_is_all_or_nothing() -> None:
    s = Scenario()
    s.quote("10.0", "10.1", asks="3")
    step = s.order("m", "buy", "market", "3.5", time_in_force="fok")
    assert (fills(step), cancels(step)) == ([], [("m", "fok")])
    step = s.order("m", "buy", "market", "3", time_in_force="fok")
    assert (fills(step), cancels(step)) == ([("m", "3", "10.1", "taker")], [])


def test_a_quote_that_is_not_usable_displays_nothing() -> None:
    s = Scenario()
    for bid, ask in (("0", "10.1"), ("10.2", "10.1"), ("NaN", "10.1"), ("10", "Infinity")):
        s.quote("10.0", "10.1")
        s.quote(bid, ask)
        step = s.order("m", "buy", "market", "2", time_in_force="ioc")
        assert (fills(step), cancels(step)) == ([], [("m", "ioc")])
