"""What a decision is asked about: an order as it would be, new or amended."""

from decimal import Decimal

import msgspec

from domain.account.account import Account
from domain.decimals import ZERO
from domain.order.order import Order, amended_terms
from domain.order.terms import OrderTerms
from domain.venue import Amendment


class Proposal(msgspec.Struct, frozen=True):
    """``filled`` is what an amended order has filled.

    ``at_least_price`` is the worst price that is reserved for it already.
    """

    order_id: str
    terms: OrderTerms
    filled: Decimal
    at_least_price: Decimal


def new_order(order_id: str, terms: OrderTerms, account: Account) -> Proposal:
    """An attempt that was cut off may have reserved for it already."""
    held = account.reservations.get(order_id)
    return Proposal(order_id, terms, ZERO, held.price if held else ZERO)


def amended_order(order: Order, amendment: Amendment) -> Proposal:
    """The order as the amendment would have it."""
    terms = amended_terms(order.terms, amendment)
    return Proposal(order.id, terms, order.cum_quantity, order.worst_price)
