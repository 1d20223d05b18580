"""Quote and price collar: no order goes out on a price nobody has seen lately."""

from collections.abc import Iterator
from decimal import Decimal

from domain.controls.check import OrderCheck
from domain.controls.limit import at_most, unscoped, verdict
from domain.decimals import ZERO, money_up
from domain.market_data import Quote
from domain.order.terms import OrderTerms, Side
from domain.risk.verdict import Verdict


def fresh_quote(check: OrderCheck) -> Iterator[Verdict]:
    """Missing, zero, crossed, stale, or from the future by more than it may be old: refused."""
    usable = check.quote is not None and check.quote.is_usable
    yield unscoped(
        "quote", "a usable quote", _describe(check.quote), "quote_missing", passed=usable
    )
    age = check.quote_age_ms
    if age is None:
        return
    limit = check.max_quote_age_ms
    yield unscoped("quote_age", limit, age, "quote_stale", passed=-limit <= age <= limit)
    for scope in check.scopes:
        limit_here = scope.limits.quote_max_age_ms
        if limit_here is not None:
            passed = -limit_here <= age <= limit_here
            yield verdict("quote_age", scope, limit_here, age, "quote_stale", passed=passed)


def price_collar(check: OrderCheck) -> Iterator[Verdict]:
    """How far the order's own price reaches past the touch on its aggressive side."""
    if check.quote is None or not check.quote.is_usable:
        return
    yield from at_most(
        "price_collar",
        _distance(check.terms, check.quote),
        check.scopes,
        lambda limits: limits.price_collar,
        "price_collar_exceeded",
    )


def _distance(terms: OrderTerms, quote: Quote) -> Decimal:
    """Zero where the order has no limit price, or one that does not reach the touch."""
    if terms.limit_price is None:
        return ZERO
    reference = terms.stop_price or (quote.ask if terms.side is Side.BUY else quote.bid)
    beyond = (terms.limit_price - reference) * terms.side.sign
    return max(money_up(beyond / reference), ZERO)


def _describe(quote: Quote | None) -> str:
    return "none" if quote is None else f"{quote.bid:f}/{quote.ask:f}"
