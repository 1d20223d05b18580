"""Every order type with every field: required, admitted or refused."""

from datetime import datetime
from decimal import Decimal
from itertools import product

import msgspec
import pytest

from domain.errors import InvalidInput
from domain.order.terms import OrderTerms, OrderType, Side, TimeInForce
from domain.order.trailing import TrailingStep
from tests.domain.world import NOON, terms_of

ONE = Decimal(1)
STEPS = (TrailingStep(Decimal("1.5"), Decimal("1.2")),)
VALUES: dict[str, object] = {
    "limit_price": ONE,
    "stop_price": ONE,
    "trailing_offset": ONE,
    "trailing_steps": STEPS,
    "entry_price": ONE,
}
NO_VALUES: dict[str, object] = {**dict.fromkeys(VALUES), "trailing_steps": ()}

CONSISTENT: dict[OrderType, list[set[str]]] = {
    OrderType.MARKET: [set()],
    OrderType.LIMIT: [{"limit_price"}],
    OrderType.STOP_LOSS: [{"stop_price"}, {"stop_price", "limit_price"}],
    OrderType.TAKE_PROFIT: [{"stop_price"}, {"stop_price", "limit_price"}],
    OrderType.TRAILING_STOP: [
        {"trailing_offset"},
        {"trailing_offset", "stop_price"},
        {"trailing_steps", "entry_price"},
        {"trailing_steps", "entry_price", "stop_price"},
    ],
    OrderType.OCO: [{"limit_price", "stop_price"}],
}


def terms_with(order_type: OrderType, names: set[str]) -> OrderTerms:
    empty = OrderTerms(symbol="BTCUSDT", side=Side.BUY, type=order_type, quantity=ONE)
    return msgspec.structs.replace(empty, **{name: VALUES[name] for name in names})


@pytest.mark.parametrize("order_type", OrderType)
def test_all_combinations_of_prices(order_type: OrderType) -> None:
    for chosen in product((False, True), repeat=len(VALUES)):
        names = {name for name, given in zip(VALUES, chosen, strict=True) if given}
        terms = terms_with(order_type, names)
        if names in CONSISTENT[order_type]:
            terms.check()
        else:
            with pytest.raises(InvalidInput) as refusal:
                terms.check()
            assert refusal.value.code in {"missing_field", "unexpected_field", "invalid_trailing"}
            assert refusal.value.field in VALUES


@pytest.mark.parametrize("value", ["0", "-1", "-0", "NaN", "sNaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("order_type", OrderType)
def test_every_number_is_finite_and_above_zero(order_type: OrderType, value: str) -> None:
    for names in CONSISTENT[order_type]:
        terms = terms_with(order_type, names)
        for name in (names | {"quantity"}) - {"trailing_steps"}:
            wrong = msgspec.structs.replace(terms, **{name: Decimal(value)})
            with pytest.raises(InvalidInput) as refusal:
                wrong.check()
            assert (refusal.value.code, refusal.value.field) == ("not_positive", name)


@pytest.mark.parametrize(("reach", "lift"), [("0", "1"), ("1", "-1"), ("NaN", "1"), ("1", "NaN")])
def test_steps_are_finite_and_above_zero(reach: str, lift: str) -> None:
    terms = terms_with(OrderType.TRAILING_STOP, {"trailing_steps", "entry_price"})
    steps = (TrailingStep(Decimal(reach), Decimal(lift)),)
    with pytest.raises(InvalidInput, match="step"):
        msgspec.structs.replace(terms, trailing_steps=steps).check()


@pytest.mark.parametrize("order_type", OrderType)
def test_only_a_limit_order_can_be_post_only(order_type: OrderType) -> None:
    terms = terms_with(order_type, CONSISTENT[order_type][0])
    post_only = msgspec.structs.replace(terms, post_only=True)
    if order_type is OrderType.LIMIT:
        post_only.check()
    else:
        with pytest.raises(InvalidInput, match="post_only"):
            post_only.check()


@pytest.mark.parametrize("time_in_force", TimeInForce)
@pytest.mark.parametrize("order_type", OrderType)
def test_time_in_force(order_type: OrderType, time_in_force: TimeInForce) -> None:
    expire_at: datetime | None = NOON if time_in_force is TimeInForce.GTD else None
    terms = msgspec.structs.replace(
        terms_with(order_type, CONSISTENT[order_type][0]),
        time_in_force=time_in_force,
        expire_at=expire_at,
    )
    immediate = time_in_force in (TimeInForce.IOC, TimeInForce.FOK)
    if immediate and order_type not in (OrderType.MARKET, OrderType.LIMIT):
        with pytest.raises(InvalidInput) as refusal:
            terms.check()
        assert refusal.value.code == "invalid_time_in_force"
    else:
        terms.check()


@pytest.mark.parametrize("time_in_force", TimeInForce)
def test_an_expiry_goes_with_gtd_and_only_gtd(time_in_force: TimeInForce) -> None:
    other = None if time_in_force is TimeInForce.GTD else NOON
    terms = terms_of(time_in_force=time_in_force, expire_at=other)
    with pytest.raises(InvalidInput) as refusal:
        terms.check()
    assert (refusal.value.code, refusal.value.field) == ("invalid_expiry", "expire_at")


@pytest.mark.parametrize("time_in_force", [TimeInForce.IOC, TimeInForce.FOK])
def test_a_post_only_order_cannot_be_immediate(time_in_force: TimeInForce) -> None:
    with pytest.raises(InvalidInput) as refusal:
        terms_of(time_in_force=time_in_force, post_only=True).check()
    assert refusal.value.code == "invalid_time_in_force"


def test_sides() -> None:
    assert (Side.BUY.sign, Side.SELL.sign) == (1, -1)
    assert (Side.BUY.opposite, Side.SELL.opposite) == (Side.SELL, Side.BUY)


def test_what_executes_at_market() -> None:
    assert terms_of(OrderType.MARKET).executes_at_market
    assert not terms_of().executes_at_market
