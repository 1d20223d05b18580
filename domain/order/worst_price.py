"""The worst price an order can fill at, for what is reserved and measured before it is sent."""

from decimal import Decimal

from domain.decimals import ONE, ZERO, money_up
from domain.market_data import Quote
from domain.order.terms import OrderTerms, OrderType, Side

DEFAULT_COLLAR = Decimal("0.05")
"""How far past the quote a market order is assumed to reach where no scope sets a collar."""


def worst_price(terms: OrderTerms, quote: Quote | None, collar: Decimal) -> Decimal:
    """In the quote asset, rounded up.

    Margin and fees grow with price, so the worst price is the highest on either side: a buy limit
    is bounded by itself, a sell fills at its limit or better. Without a price of its own an order
    is taken to reach ``collar`` past the touch or its trigger. ZERO where nothing is known; a
    quote that is not usable tells nothing.
    """
    if quote is not None and not quote.is_usable:
        quote = None
    if terms.side is Side.BUY and terms.limit_price is not None and terms.type is not OrderType.OCO:
        return terms.limit_price
    known = [_touch(terms.side, quote), terms.stop_price, _trailing_reach(terms, quote)]
    reached = max((price for price in known if price is not None), default=ZERO)
    return max(money_up(reached * (ONE + collar)), terms.limit_price or ZERO)


def _touch(side: Side, quote: Quote | None) -> Decimal | None:
    if quote is None:
        return None
    return quote.ask if side is Side.BUY else quote.bid


def _trailing_reach(terms: OrderTerms, quote: Quote | None) -> Decimal | None:
    if terms.trailing_offset is None or quote is None:
        return terms.entry_price
    return quote.ask + terms.trailing_offset
