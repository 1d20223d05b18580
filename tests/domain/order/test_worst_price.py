from decimal import Decimal

import pytest

from domain.market_data import Quote
from domain.order.terms import OrderTerms, OrderType, Side
from domain.order.trailing import TrailingStep
from domain.order.worst_price import worst_price
from tests.domain.world import a_quote, terms_of

BUY, SELL = Side.BUY, Side.SELL
STEPS = (TrailingStep(Decimal(2), Decimal(1)),)


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        (terms_of(OrderType.LIMIT, BUY, limit_price="90"), "90"),
        (terms_of(OrderType.LIMIT, BUY, limit_price="300"), "300"),
        (terms_of(OrderType.LIMIT, SELL, limit_price="90"), "110"),
        (terms_of(OrderType.LIMIT, SELL, limit_price="300"), "300"),
        (terms_of(OrderType.MARKET, BUY), "132"),
        (terms_of(OrderType.MARKET, SELL), "110"),
        (terms_of(OrderType.STOP_LOSS, BUY, stop_price="200"), "220"),
        (terms_of(OrderType.STOP_LOSS, BUY, stop_price="200", limit_price="205"), "205"),
        (terms_of(OrderType.STOP_LOSS, SELL, stop_price="50"), "110"),
        (terms_of(OrderType.TAKE_PROFIT, SELL, stop_price="200"), "220"),
        (terms_of(OrderType.TRAILING_STOP, BUY, trailing_offset="30"), "165"),
        (terms_of(OrderType.OCO, BUY, limit_price="90", stop_price="200"), "220"),
        (
            terms_of(OrderType.TRAILING_STOP, SELL, trailing_steps=STEPS, entry_price="150"),
            "165",
        ),
    ],
)
def test_the_highest_price_it_can_fill_at(terms: OrderTerms, expected: str) -> None:
    assert worst_price(terms, a_quote("100", "120"), Decimal("0.1")) == Decimal(expected)


@pytest.mark.parametrize(
    "quote",
    [None, a_quote("0", "0"), a_quote("101", "100"), a_quote("NaN", "1"), a_quote("1", "Infinity")],
)
def test_a_quote_that_is_not_usable_tells_nothing(quote: Quote | None) -> None:
    assert worst_price(terms_of(OrderType.MARKET), quote, Decimal("0.1")) == 0
    trailing = terms_of(OrderType.TRAILING_STOP, trailing_offset="1")
    assert worst_price(trailing, quote, Decimal("0.1")) == 0


def test_rounded_up() -> None:
    quote = a_quote("0.00000001", "0.00000001")
    assert worst_price(terms_of(OrderType.MARKET), quote, Decimal("0.05")) == Decimal("0.00000002")
