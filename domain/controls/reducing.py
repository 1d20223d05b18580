"""What makes a position smaller: the rule of every place that lets only such orders out."""

from decimal import Decimal

from domain.account.account import Account
from domain.account.reservation_book import OpenSide
from domain.decimals import ZERO
from domain.order.terms import OrderTerms, Side


def only_reduces(account: Account, order_id: str, terms: OrderTerms, quantity: Decimal) -> bool:
    """True if the order, and all others on its side, can only make the position smaller.

    ``quantity`` is what would be open of it.
    """
    position = account.position_quantity(terms.symbol)
    if position * terms.side.sign >= ZERO:
        return False
    beside = open_beside(account, order_id, terms.symbol, terms.side)
    return quantity + beside.quantity <= abs(position)


def open_beside(account: Account, order_id: str, symbol: str, side: Side) -> OpenSide:
    """What the account's other orders on one side of an instrument can still trade."""
    everything = account.reservations.open_side(symbol, side)
    own = account.reservations.get(order_id)
    if own is None or (own.symbol, own.side) != (symbol, side):
        return everything
    return everything.minus(own)
