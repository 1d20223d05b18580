"""What an amendment makes of a working order's terms."""

from decimal import Decimal
from typing import TypeVar

import msgspec

from adapters.venues.paper.reject import RejectCode
from adapters.venues.paper.working_order import WorkingOrder
from domain.errors import Conflict
from domain.order.terms import OrderTerms, OrderType
from domain.venue import Amendment

Present = TypeVar("Present", Decimal, Decimal | None)


def amended_terms(working: WorkingOrder, change: Amendment) -> OrderTerms:
    """The new terms. Raises Conflict where this order cannot be changed so."""
    terms = working.terms
    new = msgspec.structs.replace(
        terms,
        quantity=_or_present(change.quantity, terms.quantity),
        limit_price=_or_present(change.limit_price, terms.limit_price),
        stop_price=_or_present(change.stop_price, terms.stop_price),
    )
    if new == terms:
        raise Conflict(RejectCode.NO_CHANGE, "the order already has these values")
    if change.limit_price is not None and terms.limit_price is None:
        raise Conflict(RejectCode.NOT_AMENDABLE, "the order has no limit price")
    if change.stop_price is not None and not _has_amendable_stop(working):
        raise Conflict(RejectCode.NOT_AMENDABLE, "the order has no stop price that can be changed")
    if new.quantity <= working.cum_quantity:
        raise Conflict(
            RejectCode.QUANTITY_FILLED, f"{working.cum_quantity} is filled: cancel instead"
        )
    return new


def keeps_priority(old: OrderTerms, new: OrderTerms) -> bool:
    """Only asking for less keeps an order's place in the queue."""
    same_prices = (old.limit_price, old.stop_price) == (new.limit_price, new.stop_price)
    return same_prices and new.quantity <= old.quantity


def _has_amendable_stop(working: WorkingOrder) -> bool:
    if working.triggered or working.terms.type is OrderType.TRAILING_STOP:
        return False
    return working.terms.stop_price is not None


def _or_present(new: Present | None, present: Present) -> Present:
    return present if new is None else new
