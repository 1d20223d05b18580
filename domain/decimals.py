"""Decimal numbers as users and venues write them, and the rounding the core uses."""

import decimal
import re
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Context, Decimal

from domain.errors import InvalidInput

ZERO = Decimal(0)
ONE = Decimal(1)

MONEY_STEP = Decimal("0.00000001")
"""What fees, reservations and shares of a cost are rounded to: the venues' own 8 decimals."""

EXACT = Context(prec=60)
"""Wide enough that no product or sum of admitted numbers is ever rounded."""

# Python's default of 28 digits would round a product of two admitted numbers silently. The context
# is per thread and per task, so both the template of new ones and the present one are widened.
decimal.DefaultContext.prec = EXACT.prec
decimal.getcontext().prec = EXACT.prec

_PLAIN = re.compile(r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,12})?", re.ASCII)


def parse_decimal(text: str, field: str) -> Decimal:
    """The number a user wrote in plain decimal notation.

    Refuses exponents, NaN, infinities, negative zero, grouping, non-ASCII digits, and more than
    15 integer or 12 fraction digits. Raises InvalidInput with code ``invalid_decimal``.
    """
    if not _PLAIN.fullmatch(text):
        raise InvalidInput("invalid_decimal", f"{field} is not a plain decimal number", field)
    value = Decimal(text)
    if value.is_zero() and value.is_signed():
        raise InvalidInput("invalid_decimal", f"{field} is negative zero", field)
    return value


def is_multiple(value: Decimal, step: Decimal) -> bool:
    return EXACT.remainder(value, step).is_zero()


def money(value: Decimal) -> Decimal:
    """Nearest amount of money, half to even, so that many roundings do not drift."""
    return value.quantize(MONEY_STEP, ROUND_HALF_EVEN, EXACT)


def money_up(value: Decimal) -> Decimal:
    """An amount of money that surely covers ``value``."""
    return value.quantize(MONEY_STEP, ROUND_CEILING, EXACT)
