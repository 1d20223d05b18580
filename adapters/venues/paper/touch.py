"""The best quote, less what the venue's own orders have taken of it."""

from decimal import Decimal

from domain.decimals import ZERO
from domain.market_data import Quote
from domain.order.terms import Side


class Touch:
    """Displayed quantity is taken once: it is replenished only by the next quote."""

    def __init__(self, quote: Quote) -> None:
        self.quote = quote
        self._left = {
            Side.BUY: max(quote.ask_quantity, ZERO),
            Side.SELL: max(quote.bid_quantity, ZERO),
        }

    def price_for(self, side: Side) -> Decimal:
        """What an order of that side pays or gets: a buyer the ask, a seller the bid."""
        return self.quote.ask if side is Side.BUY else self.quote.bid

    def left_for(self, side: Side) -> Decimal:
        """What an order of that side can still take."""
        return self._left[side]

    def take(self, side: Side, quantity: Decimal) -> None:
        assert quantity <= self._left[side]
        self._left[side] -= quantity

    def meets(self, side: Side, limit_price: Decimal | None) -> bool:
        """True if an order with this limit, or none, trades at the touch."""
        if limit_price is None:
            return True
        price = self.price_for(side)
        return limit_price >= price if side is Side.BUY else limit_price <= price


def touch_of(quote: Quote) -> Touch | None:
    """None for a quote nothing can trade against: a side missing, crossed, not numbers."""
    numbers = (quote.bid, quote.bid_quantity, quote.ask, quote.ask_quantity)
    if not all(number.is_finite() for number in numbers) or not quote.is_usable:
        return None
    return Touch(quote)
