"""Positions against a reckoning in fractions at average cost."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.account.position import Position
from domain.order.terms import Side

trades = st.lists(
    st.tuples(
        st.sampled_from(Side),
        st.integers(1, 5_000_000).map(lambda n: Decimal(n) / 1_000_000),
        st.integers(1, 10**13).map(lambda n: Decimal(n) / 10**8),
    ),
    max_size=40,
)
EMPTY = Position(symbol="BTCUSDT", settlement_asset="USDT")
HALF_STEP = Fraction(1, 2 * 10**8)


class AverageCost:
    """The textbook: a trade against the position takes profit at the average price."""

    def __init__(self) -> None:
        self.quantity = Fraction(0)
        self.cost = Fraction(0)
        self.profit = Fraction(0)

    def trade(self, signed: Fraction, price: Fraction) -> None:
        if self.quantity * signed < 0:
            closed = min(abs(signed), abs(self.quantity)) * (1 if self.quantity > 0 else -1)
            share = self.cost * closed / self.quantity
            self.profit += closed * price - share
            self.cost -= share
            self.quantity -= closed
            signed += closed
        self.quantity += signed
        self.cost += signed * price


def play(history: list[tuple[Side, Decimal, Decimal]]) -> tuple[Position, Decimal]:
    position, realised = EMPTY, Decimal(0)
    for side, quantity, price in history:
        position, profit = position.traded(side, quantity, price)
        realised += profit
    return position, realised


@given(trades)
def test_money_is_conserved_exactly(history: list[tuple[Side, Decimal, Decimal]]) -> None:
    position, realised = play(history)
    paid = sum((side.sign * Fraction(q) * Fraction(p) for side, q, p in history), Fraction(0))
    assert Fraction(realised) == Fraction(position.cost) - paid


@given(trades)
def test_close_to_the_textbook(history: list[tuple[Side, Decimal, Decimal]]) -> None:
    position, realised = play(history)
    textbook = AverageCost()
    for side, quantity, price in history:
        textbook.trade(side.sign * Fraction(quantity), Fraction(price))
    tolerance = HALF_STEP * (2 * len(history) + 1)
    assert Fraction(position.quantity) == textbook.quantity
    assert abs(Fraction(position.cost) - textbook.cost) <= tolerance
    assert abs(Fraction(realised) - textbook.profit) <= tolerance


@given(trades)
def test_a_flat_position_costs_nothing(history: list[tuple[Side, Decimal, Decimal]]) -> None:
    position, _ = play(history)
    if position.quantity:
        side = Side.SELL if position.quantity > 0 else Side.BUY
        position, _ = position.traded(side, abs(position.quantity), Decimal("12.34"))
    assert position.quantity == 0
    assert position.cost == 0
    assert position.average_price is None


@given(trades)
def test_cost_never_has_the_other_sign(history: list[tuple[Side, Decimal, Decimal]]) -> None:
    position, _ = play(history)
    assert position.cost * position.quantity >= 0


@pytest.mark.parametrize(
    ("history", "quantity", "average", "profit"),
    [
        ([("buy", "2", "100"), ("buy", "2", "110")], "4", "105", "0"),
        ([("buy", "2", "100"), ("sell", "1", "130")], "1", "100", "30"),
        ([("buy", "2", "100"), ("sell", "2", "90")], "0", None, "-20"),
        ([("buy", "2", "100"), ("sell", "5", "130")], "-3", "130", "60"),
        ([("sell", "2", "100"), ("buy", "1", "90")], "-1", "100", "10"),
        ([("sell", "2", "100"), ("buy", "5", "110")], "3", "110", "-20"),
        ([("buy", "3", "1"), ("sell", "1", "2"), ("sell", "2", "2")], "0", None, "3"),
    ],
)
def test_examples(
    history: list[tuple[str, str, str]], quantity: str, average: str | None, profit: str
) -> None:
    position, realised = play([(Side(s), Decimal(q), Decimal(p)) for s, q, p in history])
    assert position.quantity == Decimal(quantity)
    assert position.average_price == (None if average is None else Decimal(average))
    assert realised == Decimal(profit)


def test_a_third_leaves_nothing_behind() -> None:
    """Ten at 1/3 of a cent cannot be shared out evenly; the last closing takes the remainder."""
    position, _ = EMPTY.traded(Side.BUY, Decimal(3), Decimal("0.00000001"))
    position, first = position.traded(Side.SELL, Decimal(1), Decimal(1))
    position, second = position.traded(Side.SELL, Decimal(2), Decimal(1))
    assert first + second == Decimal(3) - Decimal("0.00000003")
    assert position.cost == 0


def test_rounding_leaves_no_debt_in_a_speck_of_a_position() -> None:
    """The share of 0.0000000099 rounds up to 0.00000001: more than all of it cost."""
    position, _ = EMPTY.traded(Side.BUY, Decimal(1), Decimal("0.0000000099"))
    position, _ = position.traded(Side.SELL, Decimal("0.999"), Decimal(1))
    assert (position.quantity, position.cost) == (Decimal("0.001"), Decimal(0))
