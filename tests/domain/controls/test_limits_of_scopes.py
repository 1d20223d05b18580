"""Controls that measure against a limit: at it, just over it, without one, with several scopes."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest

from domain.account.message import OrderMessage
from domain.controls.check import OrderCheck
from domain.controls.exposure import exposure, position
from domain.controls.fingerprint import fingerprint
from domain.controls.money import daily_loss
from domain.controls.order_size import order_quantity, order_value
from domain.controls.pace import message_rate, open_orders
from domain.controls.price import price_collar
from domain.controls.registry import Control
from domain.order.terms import Side
from domain.risk.limits import Limits
from tests.domain.controls.checks import (
    ORDER_ID,
    a_check,
    an_account,
    failures,
    hold,
    reserve,
    scope,
)
from tests.domain.world import NOON, a_quote, terms_of

Case = tuple[Control, str, str, str, Callable[[], OrderCheck]]


def with_messages() -> OrderCheck:
    account = an_account()
    for ago in (0, 400, 999, 1_000, 5_000):
        at = NOON - timedelta(milliseconds=ago)
        account.messages.append(OrderMessage(at, f"o{ago}", None))
    return a_check(account=account)


def with_orders() -> OrderCheck:
    account = an_account()
    hold(account, "2", "90")
    reserve(account, "a", "3")
    reserve(account, "b", "4", side=Side.SELL)
    reserve(account, "c", "5", symbol="ETHUSDT", price="10")
    reserve(account, ORDER_ID, "7")
    return a_check(account=account)


def with_a_loss() -> OrderCheck:
    account = an_account()
    account.note_result(NOON - timedelta(days=1), Decimal(-100))
    account.note_result(NOON, Decimal("-12.5"))
    return a_check(account=account)


def beyond_the_touch() -> OrderCheck:
    return a_check(terms_of(limit_price="103"), quote=a_quote("99", "100"))


CASES: list[Case] = [
    (order_quantity, "max_order_quantity", "1", "0.999", a_check),
    (order_value, "max_order_value", "100", "99.99", a_check),
    (price_collar, "price_collar", "0.03", "0.02999999", beyond_the_touch),
    # 2 held, 3 to be bought, 1 more; the sale of 4 does not help.
    (position, "max_position", "6", "5.999", with_orders),
    # 180 held, 300 to be bought, 100 more; and 50 of the other instrument.
    (exposure, "max_exposure", "630", "629.99", with_orders),
    # Three others and this one, whatever it has reserved already.
    (open_orders, "max_open_orders", "4", "3", with_orders),
    (message_rate, "max_messages_per_second", "4", "3", with_messages),
    (daily_loss, "max_daily_loss", "12.5", "12.49", with_a_loss),
]
ids = [name for _, name, *_ in CASES]


def limits_of(name: str, value: str) -> Limits:
    kind = Decimal if isinstance(getattr(FULL, name), Decimal) else int
    return msgspec.structs.replace(Limits(), **{name: kind(value)})


FULL = Limits(
    price_collar=Decimal(1),
    max_order_quantity=Decimal(1),
    max_order_value=Decimal(1),
    max_position=Decimal(1),
    max_exposure=Decimal(1),
    max_open_orders=1,
    max_messages_per_second=1,
    max_daily_loss=Decimal(1),
)


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_at_the_limit_passes(case: Case) -> None:
    control, name, limit, _, make = case
    check = msgspec.structs.replace(make(), scopes=(scope(limits=limits_of(name, limit)),))
    (verdict,) = control(check)
    assert verdict.passed
    assert (verdict.code, verdict.message) == (None, None)
    assert verdict.measured is not None
    assert Decimal(verdict.measured) == Decimal(limit)
    assert (verdict.limit, verdict.scope, verdict.limit_version) == (limit, "system", 1)


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_just_over_the_limit_does_not(case: Case) -> None:
    control, name, _, limit, make = case
    check = msgspec.structs.replace(make(), scopes=(scope(limits=limits_of(name, limit)),))
    (verdict,) = control(check)
    assert not verdict.passed
    assert verdict.code is not None
    assert verdict.message is not None
    assert limit in verdict.message


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_without_a_limit_the_measure_is_recorded(case: Case) -> None:
    control, _, _, _, make = case
    (verdict,) = control(make())
    assert (verdict.passed, verdict.limit, verdict.code) == (True, None, None)
    assert verdict.measured is not None


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_every_scope_that_sets_the_limit_has_its_say(case: Case) -> None:
    control, name, enough, too_little, make = case
    scopes = (
        scope("system", limits_of(name, enough)),
        scope("client:client"),
        scope("account:alice", limits_of(name, too_little)),
        scope("strategy:s", limits_of(name, enough)),
    )
    verdicts = list(control(msgspec.structs.replace(make(), scopes=scopes)))
    assert [(v.scope, v.passed) for v in verdicts] == [
        ("system", True),
        ("account:alice", False),
        ("strategy:s", True),
    ]


@pytest.mark.parametrize("control", [position, exposure, daily_loss])
def test_an_order_that_only_reduces_passes_the_limits_on_risk(control: Control) -> None:
    account = an_account()
    hold(account, "-5")
    account.note_result(NOON, Decimal(-1_000))
    limits = msgspec.structs.replace(
        Limits(), max_position=Decimal(0), max_exposure=Decimal(0), max_daily_loss=Decimal(0)
    )
    reducing = a_check(terms_of(quantity="5"), limits, account=account)
    opening = a_check(terms_of(quantity="5.001"), limits, account=account)
    assert failures(control, reducing) == []
    assert failures(control, opening) != []


def test_reducing_counts_all_orders_on_the_side() -> None:
    account = an_account()
    hold(account, "5")
    reserve(account, "other", "3", side=Side.SELL, reduce_only=True)
    assert a_check(terms_of(side=Side.SELL, quantity="2"), account=account).is_reducing
    assert not a_check(terms_of(side=Side.SELL, quantity="2.001"), account=account).is_reducing
    assert not a_check(terms_of(side=Side.BUY, quantity="1"), account=account).is_reducing


def test_a_reduce_only_order_adds_no_exposure() -> None:
    account = an_account()
    hold(account, "5")
    terms = terms_of(side=Side.SELL, quantity="50", reduce_only=True)
    limits = Limits(max_position=Decimal(0), max_exposure=Decimal(500))
    assert failures(position, a_check(terms, limits, account=account)) == []
    assert failures(exposure, a_check(terms, limits, account=account)) == []


def test_the_loss_of_another_day_does_not_count() -> None:
    account = an_account()
    account.note_result(NOON, Decimal(-100))
    tomorrow = NOON + timedelta(days=1)
    check = a_check(limits=Limits(max_daily_loss=Decimal(0)), account=account, now=tomorrow)
    assert failures(daily_loss, check) == []


def test_equal_orders_have_equal_fingerprints() -> None:
    assert fingerprint(terms_of(quantity="1.0")) == fingerprint(terms_of(quantity="1.000"))
    assert fingerprint(terms_of(quantity="10")) == fingerprint(terms_of(quantity="1E+1"))
    different = [
        terms_of(),
        terms_of(side=Side.SELL),
        terms_of(quantity="1.001"),
        terms_of(limit_price="100.01"),
        terms_of(symbol="ETHUSDT"),
    ]
    assert len({fingerprint(terms) for terms in different}) == len(different)
