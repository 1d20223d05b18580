from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from domain.account.reservation import Reservation, worst_case_amount
from domain.fees import FeeSchedule
from domain.order.terms import Side
from tests.domain.ledger import Book

rates = st.integers(-50, 100).map(lambda n: Decimal(n) / 100_000)
amounts = st.integers(1, 10**9).map(lambda n: Decimal(n) / 10_000)


schedules = st.builds(FeeSchedule, rates, rates)


@given(amounts, amounts, st.integers(1, 100), schedules, st.booleans())
def test_the_worst_case(
    quantity: Decimal, price: Decimal, percent: int, fees: FeeSchedule, closes: bool
) -> None:
    amount = worst_case_amount(
        quantity,
        price,
        margin_rate=Decimal(percent) / 100,
        fees=fees,
        reduce_only=closes,
    )
    highest = max(Fraction(fees.maker), Fraction(fees.taker), Fraction(0))
    book = Book(Fraction(percent, 100), highest)
    assert Fraction(amount) == book.worst_case(
        Fraction(quantity), Fraction(price), reduce_only=closes
    )


@given(amounts, amounts, amounts)
def test_two_halves_never_need_less_than_the_whole(
    one: Decimal, other: Decimal, price: Decimal
) -> None:
    def needs(quantity: Decimal) -> Decimal:
        return worst_case_amount(
            quantity,
            price,
            margin_rate=Decimal("0.1"),
            fees=FeeSchedule(Decimal("0.0002"), Decimal("0.0004")),
            reduce_only=False,
        )

    assert needs(one) + needs(other) >= needs(one + other)


def test_a_reduce_only_order_opens_nothing() -> None:
    held = Reservation(
        "o",
        "BTCUSDT",
        "USDT",
        Side.SELL,
        Decimal(2),
        Decimal(1),
        reduce_only=True,
        amount=Decimal(0),
    )
    assert held.opening_quantity == 0
