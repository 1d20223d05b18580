"""Instrument allowed: the venue trades it, and every scope with a list has it on the list."""

from collections.abc import Iterator

from domain.controls.check import OrderCheck
from domain.controls.limit import unscoped, verdict
from domain.risk.verdict import Verdict

CONTROL = "instrument_allowed"


def instrument_allowed(check: OrderCheck) -> Iterator[Verdict]:
    symbol = check.terms.symbol
    yield unscoped(
        CONTROL, "trading", symbol, "instrument_not_trading", passed=check.instrument.trading
    )
    for scope in check.scopes:
        allowed = scope.limits.allowed_symbols
        if allowed is not None:
            yield verdict(
                CONTROL,
                scope,
                ",".join(allowed),
                symbol,
                "instrument_not_allowed",
                passed=symbol in allowed,
            )
