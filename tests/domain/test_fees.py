from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.fees import FeeSchedule, Liquidity
from tests.domain.ledger import up

notionals = st.integers(0, 10**12).map(lambda n: Decimal(n) / 10**6)
rates = st.integers(-100, 100).map(lambda n: Decimal(n) / 10**5)


@given(notionals, rates, rates)
def test_fees_are_rounded_against_the_client(n: Decimal, maker: Decimal, taker: Decimal) -> None:
    schedule = FeeSchedule(maker, taker)
    assert Fraction(schedule.fee(n, Liquidity.MAKER)) == up(Fraction(n) * Fraction(maker))
    assert Fraction(schedule.fee(n, Liquidity.TAKER)) == up(Fraction(n) * Fraction(taker))


@given(notionals, rates, rates)
def test_the_worst_case_covers_either_fee(n: Decimal, maker: Decimal, taker: Decimal) -> None:
    schedule = FeeSchedule(maker, taker)
    worst = schedule.worst_case(n)
    assert worst >= 0
    assert all(worst >= schedule.fee(n, liquidity) for liquidity in Liquidity)


@pytest.mark.parametrize(
    ("rate", "fee"), [("0.0004", "0.04000000"), ("-0.0001", "-0.01000000"), ("0", "0")]
)
def test_examples(rate: str, fee: str) -> None:
    schedule = FeeSchedule(Decimal(rate), Decimal("0.0004"))
    assert schedule.fee(Decimal(100), Liquidity.MAKER) == Decimal(fee)
