"""What two orders have in common if one is the other sent twice."""

from domain.order.terms import OrderTerms


def fingerprint(terms: OrderTerms) -> str:
    """Symbol, side, type, quantity and prices, numbers without trailing zeros."""
    numbers = (terms.quantity, terms.limit_price, terms.stop_price, terms.trailing_offset)
    written = ("-" if n is None else format(n.normalize(), "f") for n in numbers)
    return "|".join((terms.symbol, terms.side, terms.type, *written))
