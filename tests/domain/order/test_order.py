"""What the matrices do not say: ids, refusals of what cannot be, ownership of requests."""

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import msgspec
import pytest

from domain.errors import Conflict
from domain.order.events import OrderAccepted, OrderRefused
from domain.order.order import Order, VenueDataError, order_id_of, venue_client_id_of
from domain.order.status import OrderStatus
from domain.risk.verdict import Verdict
from domain.venue import FillReport
from tests.domain.order.orders import ORDER_ID, PASSED, ask_for, new_order, placed, working
from tests.domain.world import NOON, a_fill, terms_of


def test_placed_once() -> None:
    order = placed()
    with pytest.raises(Conflict) as refusal:
        order.place(new_order(terms_of()), PASSED, NOON)
    assert refusal.value.code == "order_exists"


def test_a_refusal_names_the_first_failure() -> None:
    order = Order.empty(ORDER_ID)
    failed = tuple(
        Verdict(code, passed=False, scope="-", limit_version=0, code=code) for code in ("a", "b")
    )
    order.refuse(new_order(terms_of()), (*PASSED, *failed), NOON)
    (event,) = order.pending
    assert isinstance(event, OrderRefused)
    assert (event.code, order.refusal_code, order.status) == ("a", "a", OrderStatus.REFUSED)
    assert not order.is_live
    order.submit(1, NOON)
    assert not order.submitted


def test_the_intent_to_send_is_recorded_once_for_ever() -> None:
    order = placed()
    order.submit(1, NOON)
    order.submit(2, NOON)
    assert order.version == 2


def test_ids_at_the_venue() -> None:
    assert venue_client_id_of(ORDER_ID) == "p0f0e0d0c0b0a49088706050403020100"
    assert order_id_of(venue_client_id_of(ORDER_ID)) == ORDER_ID


@pytest.mark.parametrize(
    "strange",
    [
        "",
        "p",
        "web_123",
        "x" + "0" * 32,
        "p" + "0" * 31,
        "p" + "g" * 32,
        ORDER_ID,
        "pp" + "0" * 31,
        "p" + UUID(ORDER_ID).hex.upper(),
        UUID(ORDER_ID).hex,
    ],
)
def test_strange_ids_are_not_ours(strange: str) -> None:
    assert order_id_of(strange) is None


BAD_FILLS: list[dict[str, object]] = [
    {"quantity": Decimal(0)},
    {"quantity": Decimal(-1)},
    {"quantity": Decimal("NaN")},
    {"quantity": Decimal("Infinity")},
    {"price": Decimal(0)},
    {"price": Decimal(-1)},
    {"price": Decimal("NaN")},
    {"price": Decimal("sNaN")},
    {"price": Decimal("Infinity")},
    {"fee": Decimal("NaN")},
    {"fee": Decimal("-Infinity")},
    {"symbol": "ETHUSDT"},
]


@pytest.mark.parametrize("wrong", BAD_FILLS, ids=str)
def test_fills_that_cannot_be(wrong: dict[str, object]) -> None:
    order = working()
    version = order.version
    report: FillReport = msgspec.structs.replace(a_fill(order, "t", "1"), **wrong)
    with pytest.raises(VenueDataError) as refusal:
        order.fill(report, NOON)
    assert refusal.value.code == "invalid_fill"
    assert order.version == version


@pytest.mark.parametrize(
    ("amendment", "quantity", "fits"),
    [
        ({}, "10000", True),
        ({}, "10000.001", False),
        ({"quantity": "12000"}, "12000", True),
        ({"quantity": "12000"}, "12000.001", False),
        ({"limit_price": "99"}, "10000.001", False),
        ({"quantity": "8000"}, "10000.001", False),
    ],
)
def test_more_than_was_ordered(amendment: dict[str, str], quantity: str, fits: bool) -> None:
    order = working()
    if amendment:
        ask_for(order, "a", **amendment)
    version = order.version
    if fits:
        order.fill(a_fill(order, "t", quantity), NOON)
        assert order.cum_quantity == order.terms.quantity == Decimal(quantity)
        return
    with pytest.raises(VenueDataError) as refusal:
        order.fill(a_fill(order, "t", quantity), NOON)
    assert refusal.value.code == "overfill"
    assert order.version == version


def test_what_traded_was_not_rejected() -> None:
    order = working()
    order.fill(a_fill(order, "t", "1"), NOON)
    with pytest.raises(VenueDataError) as refusal:
        order.reject("no", "no", NOON)
    assert refusal.value.code == "rejected_after_fill"


def test_an_unknown_trade_cannot_be_busted() -> None:
    with pytest.raises(VenueDataError) as refusal:
        working().bust_fill("t", "x", NOON)
    assert refusal.value.code == "unknown_trade"


def test_a_busted_trade_is_not_booked_again() -> None:
    order = working()
    order.fill(a_fill(order, "t", "1"), NOON)
    order.bust_fill("t", "x", NOON)
    version = order.version
    order.fill(a_fill(order, "t", "1"), NOON)
    order.bust_fill("t", "x", NOON)
    assert (order.version, order.cum_quantity) == (version, Decimal(0))


def test_executions_are_numbered_without_gaps() -> None:
    order = working()
    order.fill(a_fill(order, "a", "1"), NOON)
    order.correct_fill("a", a_fill(order, "b", "2"), NOON)
    order.fill(a_fill(order, "c", "3"), NOON)
    numbers = [getattr(event, "execution_number", None) for event in order.pending]
    assert [n for n in numbers if n is not None] == [1, 2, 3, 4]


def test_the_average_price() -> None:
    order = working()
    assert order.average_price is None
    order.fill(a_fill(order, "a", "1", "100"), NOON)
    order.fill(a_fill(order, "b", "3", "104"), NOON)
    assert order.average_price == 103


def test_a_cancel_may_be_asked_for_again_once_its_answer_is_lost() -> None:
    order = working()
    order.request_cancel("1", "x", NOON)
    with pytest.raises(Conflict) as refusal:
        order.request_cancel("2", "x", NOON)
    assert refusal.value.code == "cancel_pending"
    order.lose_track("timeout", NOON)
    order.request_cancel("2", "x", NOON)
    assert order.pending_cancel == "2"


def test_a_cancel_of_an_order_that_has_ended() -> None:
    order = working()
    order.cancel("user", NOON)
    with pytest.raises(Conflict) as refusal:
        order.request_cancel("1", "x", NOON)
    assert refusal.value.code == "order_not_live"


def test_a_trailing_stop_moves_and_triggers() -> None:
    order = working()
    order.move_stop(Decimal(90), NOON)
    order.move_stop(Decimal(90), NOON)
    order.move_stop(Decimal(91), NOON)
    assert (order.stop_price, order.version) == (Decimal(91), 5)
    order.trigger(Decimal(91), NOON, NOON)
    order.trigger(Decimal(91), NOON, NOON)
    assert (order.triggered, order.version) == (True, 6)


def test_being_found_again_is_recorded() -> None:
    """Accepted a second time after its track was lost: the evidence that ends the unknown."""
    order = working()
    order.lose_track("timeout", NOON)
    order.accept("v", NOON, NOON + timedelta(seconds=9))
    assert isinstance(order.pending[-1], OrderAccepted)
    assert order.status is OrderStatus.NEW


def test_nothing_ends_twice() -> None:
    order = working()
    order.cancel("user", NOON)
    version = order.version
    order.cancel("again", NOON)
    order.expire(NOON)
    order.reject("no", "no", NOON)
    order.lose_track("timeout", NOON)
    order.trigger(Decimal(1), NOON, NOON)
    order.move_stop(Decimal(1), NOON)
    order.reject_amend("no", "no", NOON)
    order.reject_cancel("no", "no", NOON)
    assert (order.version, order.status) == (version, OrderStatus.CANCELLED)


def test_an_abandoned_order_has_a_status_although_it_has_no_terms() -> None:
    order = Order.empty(ORDER_ID)
    order.abandon("a", NOON)
    assert order.status is OrderStatus.REFUSED
