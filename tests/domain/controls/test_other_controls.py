"""Controls without a number to stay below; what fails closed; and that none ever raises."""

from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.account.message import OrderMessage
from domain.controls.fingerprint import fingerprint
from domain.controls.money import funds
from domain.controls.pace import duplicate_order
from domain.controls.price import fresh_quote, price_collar
from domain.controls.registry import CONTROLS, run_controls
from domain.controls.symbols import instrument_allowed
from domain.controls.trading_state import trading_state
from domain.controls.venue_filters import (
    lot_size,
    minimum_notional,
    require_filters,
    tick_size,
)
from domain.errors import InvalidInput
from domain.fees import FeeSchedule
from domain.market_data import Quote
from domain.order.terms import OrderTerms, OrderType, Side
from domain.risk.limits import Limits
from domain.risk.risk_limits import RiskLimits
from tests.domain.controls.checks import (
    ORDER_ID,
    a_check,
    an_account,
    failures,
    hold,
    only,
    reserve,
    scope,
)
from tests.domain.world import NOON, a_quote, an_instrument, terms_of

MARKET = terms_of(OrderType.MARKET)


# Trading state


def in_state(*changes: str, name: str = "system") -> RiskLimits:
    risk = scope(name)
    for number, change in enumerate(changes):
        getattr(risk, change)(f"c{number}", "test", NOON)
    return risk


def test_active_lets_out_everything() -> None:
    assert failures(trading_state, a_check()) == []


def test_halted_lets_nothing_out_not_even_what_reduces() -> None:
    account = an_account()
    hold(account, "5")
    for terms in (terms_of(), terms_of(side=Side.SELL)):
        check = a_check(terms, account=account, scopes=(in_state("halt"),))
        assert failures(trading_state, check) == ["trading_halted"]


def test_reducing_lets_out_what_reduces() -> None:
    account = an_account()
    hold(account, "1")
    scopes = (in_state("reduce"),)
    closing = a_check(terms_of(side=Side.SELL), account=account, scopes=scopes)
    turning = a_check(terms_of(side=Side.SELL, quantity="1.001"), account=account, scopes=scopes)
    assert failures(trading_state, closing) == []
    assert failures(trading_state, turning) == ["trading_reducing"]
    assert failures(trading_state, a_check(account=account, scopes=scopes)) == ["trading_reducing"]


def test_resumed_lets_out_again() -> None:
    assert failures(trading_state, a_check(scopes=(in_state("halt", "resume"),))) == []


@pytest.mark.parametrize("halted", ["client:client", "account:alice", "strategy:s"])
def test_a_halt_of_any_scope_counts(halted: str) -> None:
    check = a_check(scopes=(scope(), in_state("halt", name=halted)))
    assert failures(trading_state, check) == ["trading_halted"]


def test_without_knowledge_of_the_limits_nothing_goes_out() -> None:
    assert failures(trading_state, a_check(scopes_are_current=False)) == ["limits_unknown"]
    assert failures(trading_state, a_check(scopes=())) == ["limits_unknown"]
    empty = (RiskLimits.empty("system"),)
    assert failures(trading_state, a_check(scopes=empty)) == ["limits_unknown"]
    others = (scope("account:alice"),)
    assert failures(trading_state, a_check(scopes=others)) == ["limits_unknown"]


# Instrument


def test_an_instrument_that_is_not_trading() -> None:
    check = a_check(instrument=an_instrument(trading=False))
    assert failures(instrument_allowed, check) == ["instrument_not_trading"]


@pytest.mark.parametrize(
    ("allowed", "codes"),
    [
        (None, []),
        (("BTCUSDT",), []),
        (("ETHUSDT", "BTCUSDT"), []),
        (("ETHUSDT",), ["instrument_not_allowed"]),
        ((), ["instrument_not_allowed"]),
    ],
)
def test_the_list_of_a_scope(allowed: tuple[str, ...] | None, codes: list[str]) -> None:
    assert failures(instrument_allowed, a_check(limits=Limits(allowed_symbols=allowed))) == codes


# Venue filters


@pytest.mark.parametrize(
    ("price", "codes"),
    [
        ("100.01", []),
        ("100.001", ["off_tick"]),
        ("0.01", []),
        ("0.005", ["off_tick", "price_out_of_bounds"]),
        ("100000", []),
        ("100000.01", ["price_out_of_bounds"]),
    ],
)
def test_ticks_and_bounds_of_prices(price: str, codes: list[str]) -> None:
    for terms in (
        terms_of(limit_price=price),
        terms_of(OrderType.STOP_LOSS, stop_price=price),
    ):
        assert failures(tick_size, a_check(terms)) == codes
        assert_required(terms, codes)


def assert_required(terms: OrderTerms, codes: list[str]) -> None:
    if not codes:
        require_filters(terms, an_instrument())
        return
    with pytest.raises(InvalidInput) as refusal:
        require_filters(terms, an_instrument())
    assert refusal.value.code in codes


def test_zero_is_no_bound_and_no_tick() -> None:
    free = an_instrument(tick_size=Decimal(0), min_price=Decimal(0), max_price=Decimal(0))
    check = a_check(terms_of(limit_price="123456.789"), instrument=free)
    assert failures(tick_size, check) == []


@pytest.mark.parametrize(
    ("terms", "codes"),
    [
        (terms_of(quantity="0.001"), []),
        (terms_of(quantity="0.0015"), ["off_lot"]),
        (terms_of(quantity="0.0005"), ["off_lot", "quantity_out_of_bounds"]),
        (terms_of(quantity="1000"), []),
        (terms_of(quantity="1000.001"), ["quantity_out_of_bounds"]),
        (terms_of(OrderType.MARKET, quantity="100"), []),
        (terms_of(OrderType.MARKET, quantity="100.001"), ["quantity_out_of_bounds"]),
    ],
)
def test_lots_and_bounds_of_quantities(terms: OrderTerms, codes: list[str]) -> None:
    assert failures(lot_size, a_check(terms)) == codes
    assert_required(terms, codes)


def test_lots_count_from_the_minimum() -> None:
    odd = an_instrument(min_quantity=Decimal("0.5"), lot_size=Decimal(1))
    assert failures(lot_size, a_check(terms_of(quantity="1.5"), instrument=odd)) == []
    assert failures(lot_size, a_check(terms_of(quantity="2"), instrument=odd)) == ["off_lot"]


def test_without_a_market_maximum_the_maximum_holds() -> None:
    instrument = an_instrument(market_max_quantity=Decimal(0))
    check = a_check(terms_of(OrderType.MARKET, quantity="1000"), instrument=instrument)
    assert failures(lot_size, check) == []


@pytest.mark.parametrize(("quantity", "codes"), [("1.25", []), ("1.249", ["below_min_notional"])])
def test_the_minimum_notional_is_what_is_left_after_the_fee(
    quantity: str, codes: list[str]
) -> None:
    account = an_account(fees=FeeSchedule(Decimal(0), Decimal("0.2")))
    terms = terms_of(quantity=quantity, limit_price="5")
    check = a_check(terms, account=account)
    assert failures(minimum_notional, check) == codes


def test_the_minimum_notional_is_measured_at_the_lowest_price() -> None:
    stop_limit = terms_of(OrderType.STOP_LOSS, stop_price="1", limit_price="1000")
    assert failures(minimum_notional, a_check(stop_limit)) == ["below_min_notional"]
    at_market = a_check(MARKET, quote=a_quote("4", "1000"))
    assert failures(minimum_notional, at_market) == ["below_min_notional"]


def test_reduce_only_orders_may_be_small() -> None:
    small = terms_of(quantity="0.001", limit_price="1", reduce_only=True)
    assert failures(minimum_notional, a_check(small)) == []


# Quote and collar

UNUSABLE = [
    None,
    a_quote("0", "100"),
    a_quote("100", "0"),
    a_quote("-1", "100"),
    a_quote("100", "99"),
    a_quote("NaN", "100"),
    a_quote("100", "NaN"),
    a_quote("sNaN", "sNaN"),
    a_quote("100", "Infinity"),
    a_quote("Infinity", "Infinity"),
]


@pytest.mark.parametrize("quote", UNUSABLE)
def test_no_order_without_a_usable_quote(quote: Quote | None) -> None:
    for terms in (terms_of(), MARKET):
        check = a_check(terms, limits=Limits(price_collar=Decimal(1)), quote=quote)
        assert failures(fresh_quote, check) == ["quote_missing"]
        assert list(price_collar(check)) == []
        run_controls(check)


@pytest.mark.parametrize(
    ("age_ms", "codes"),
    [(0, []), (5_000, []), (5_001, ["quote_stale"]), (-5_000, []), (-5_001, ["quote_stale"])],
)
def test_the_age_of_the_quote(age_ms: int, codes: list[str]) -> None:
    quote = a_quote(at=NOON - timedelta(milliseconds=age_ms))
    assert failures(fresh_quote, a_check(quote=quote)) == codes


def test_a_scope_may_want_fresher_quotes_but_not_allow_older_ones() -> None:
    quote = a_quote(at=NOON - timedelta(milliseconds=300))
    strict = a_check(limits=Limits(quote_max_age_ms=299), quote=quote)
    assert failures(fresh_quote, strict) == ["quote_stale"]
    old = a_quote(at=NOON - timedelta(seconds=6))
    lax = a_check(limits=Limits(quote_max_age_ms=60_000), quote=old)
    assert failures(fresh_quote, lax) == ["quote_stale"]


@pytest.mark.parametrize(
    ("terms", "codes"),
    [
        (terms_of(limit_price="105"), []),
        (terms_of(limit_price="105.01"), ["price_collar_exceeded"]),
        (terms_of(limit_price="1"), []),
        (terms_of(side=Side.SELL, limit_price="95"), []),
        (terms_of(side=Side.SELL, limit_price="94.99"), ["price_collar_exceeded"]),
        (terms_of(side=Side.SELL, limit_price="900"), []),
        (terms_of(limit_price="1000"), ["price_collar_exceeded"]),
        (MARKET, []),
        (terms_of(OrderType.STOP_LOSS, stop_price="200", limit_price="210"), []),
        (
            terms_of(OrderType.STOP_LOSS, stop_price="200", limit_price="210.01"),
            ["price_collar_exceeded"],
        ),
    ],
)
def test_the_collar(terms: OrderTerms, codes: list[str]) -> None:
    check = a_check(terms, Limits(price_collar=Decimal("0.05")), quote=a_quote("100", "100"))
    assert failures(price_collar, check) == codes


# Duplicates


def sent(order_id: str = "other", ago_ms: int = 0, terms: OrderTerms | None = None) -> OrderMessage:
    return OrderMessage(
        NOON - timedelta(milliseconds=ago_ms), order_id, fingerprint(terms or terms_of())
    )


@pytest.mark.parametrize(
    ("message", "codes"),
    [
        (sent(), ["duplicate_order"]),
        (sent(ago_ms=999), ["duplicate_order"]),
        (sent(ago_ms=1_000), []),
        (sent(order_id=ORDER_ID), []),
        (sent(terms=terms_of(quantity="2")), []),
        (OrderMessage(NOON, "other", None), []),
    ],
)
def test_duplicates(message: OrderMessage, codes: list[str]) -> None:
    account = an_account()
    account.messages.append(message)
    check = a_check(limits=Limits(duplicate_window_ms=1_000), account=account)
    assert failures(duplicate_order, check) == codes
    (unlimited,) = duplicate_order(msgspec.structs.replace(check, scopes=(scope(),)))
    assert (unlimited.passed, unlimited.limit) == (True, None)


# Funds


@pytest.mark.parametrize(
    ("money", "codes"), [("100.04", []), ("100.03999999", ["insufficient_funds"])]
)
def test_funds(money: str, codes: list[str]) -> None:
    check = a_check(account=an_account(money))
    assert failures(funds, check) == codes
    verdict = only(funds, check)
    assert verdict.measured == "100.04000000"
    assert Decimal(verdict.limit or "") == Decimal(money)


def test_funds_leave_out_what_other_orders_and_positions_hold() -> None:
    account = an_account("300")
    hold(account, "1", "100")
    reserve(account, "other", "1")
    assert failures(funds, a_check(account=account)) == ["insufficient_funds"]
    reserve(account, ORDER_ID, "0.9")
    free = account.available("USDT")
    assert free == Decimal("300") - 100 - Decimal("100.04") - Decimal("90.036")
    assert only(funds, a_check(account=account)).limit == f"{free + Decimal('90.036'):f}"


# All of them


def test_every_control_is_named_in_its_verdicts() -> None:
    limits = Limits(
        allowed_symbols=("BTCUSDT",),
        price_collar=Decimal(1),
        quote_max_age_ms=1,
        max_order_quantity=Decimal(1),
        max_order_value=Decimal(1),
        max_position=Decimal(1),
        max_exposure=Decimal(1),
        max_open_orders=1,
        max_messages_per_second=1,
        duplicate_window_ms=1,
        max_daily_loss=Decimal(1),
    )
    controls = {verdict.control for verdict in run_controls(a_check(limits=limits))}
    named = {control.__name__ for control in CONTROLS} - {"fresh_quote"}
    assert named <= controls
    assert {"quote", "quote_age"} <= controls


odd = st.one_of(
    st.sampled_from([Decimal(text) for text in ("0", "-1", "0.000000000001", "999999999999999")]),
    st.decimals(-(10**15), 10**15, allow_nan=False, allow_infinity=False, places=12),
)
odd_in_quotes = st.one_of(odd, st.sampled_from([Decimal(t) for t in ("NaN", "Infinity", "sNaN")]))


@given(
    order_type=st.sampled_from(OrderType),
    side=st.sampled_from(Side),
    numbers=st.tuples(odd, odd, odd, odd, odd),
    quote=st.none() | st.tuples(odd_in_quotes, odd_in_quotes),
    limit=odd.map(abs),
)
def test_controls_never_raise(
    order_type: OrderType,
    side: Side,
    numbers: tuple[Decimal, ...],
    quote: tuple[Decimal, Decimal] | None,
    limit: Decimal,
) -> None:
    quantity, limit_price, stop_price, held, price = numbers
    account = an_account("1")
    hold(account, str(held))
    terms = OrderTerms("BTCUSDT", side, order_type, quantity, limit_price, stop_price)
    limits = Limits(
        price_collar=limit,
        max_order_quantity=limit,
        max_order_value=limit,
        max_position=limit,
        max_exposure=limit,
        max_daily_loss=limit,
    )
    seen = None if quote is None else a_quote(*quote)
    check = a_check(terms, limits, account=account, quote=seen, worst_price=abs(price))
    for verdict in run_controls(check):
        assert verdict.passed == (verdict.code is None) == (verdict.message is None)
        assert "E" not in (verdict.measured or "").removeprefix("ETH")
