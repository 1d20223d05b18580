"""What can be true of a venue's answer: the checks that every venue's reader shares."""

from collections.abc import Container
from datetime import datetime, timedelta
from decimal import Decimal

from domain.decimals import ZERO
from domain.errors import InvalidInput
from domain.order.terms import OrderTerms

CLOCKS_APART = timedelta(hours=1)
"""A time further than this from the venue's own is no time at all."""

_ABOVE_ALL = Decimal(10) ** 15
_FINEST_EXPONENT = -18
_LONGEST_NAME = 200


class Implausible(Exception):
    """The answer can be parsed, and cannot be true."""


def check_above_zero(name: str, value: Decimal) -> None:
    """For quantities and prices. Raises Implausible."""
    _check_number(name, value)
    if value <= ZERO:
        raise Implausible(f"{name} is {value}, not above zero")


def check_not_below_zero(name: str, value: Decimal) -> None:
    """For cumulated quantities. Raises Implausible."""
    _check_number(name, value)
    if value < ZERO:
        raise Implausible(f"{name} is {value}, below zero")


def check_amount(name: str, value: Decimal) -> None:
    """For fees and balances, which may have either sign. Raises Implausible."""
    _check_number(name, value)


def check_name(name: str, value: str) -> None:
    """For identifiers. Raises Implausible."""
    if not value or not value.isprintable() or len(value) > _LONGEST_NAME:
        raise Implausible(f"{name} is no identifier")


def check_symbol(symbol: str, known: Container[str]) -> None:
    """Raises Implausible."""
    if symbol not in known:
        raise Implausible(f"{symbol!r} is no instrument of the venue")


def check_recent(at: datetime, venue_time: datetime) -> None:
    """For the time of something that has just happened. Raises Implausible."""
    _check_aware(at)
    if abs(at - venue_time) > CLOCKS_APART:
        raise Implausible(f"it is of {at}, and it is {venue_time} there")


def check_past(at: datetime, venue_time: datetime) -> None:
    """For the time of something that happened once. Raises Implausible."""
    _check_aware(at)
    if at - venue_time > CLOCKS_APART:
        raise Implausible(f"it is of {at}, and it is only {venue_time} there")


def check_terms(terms: OrderTerms, known: Container[str]) -> None:
    """Raises Implausible."""
    try:
        terms.check()
    except InvalidInput as error:
        raise Implausible(f"no order has such terms: {error}") from error
    check_above_zero("quantity", terms.quantity)
    check_symbol(terms.symbol, known)


def _check_number(name: str, value: Decimal) -> None:
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):
        raise Implausible(f"{name} is {value}, no number")
    if abs(value) >= _ABOVE_ALL or exponent < _FINEST_EXPONENT:
        raise Implausible(f"{name} is out of all bounds")


def _check_aware(at: datetime) -> None:
    if at.tzinfo is None:
        raise Implausible(f"{at} is in no time zone")
