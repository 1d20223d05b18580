from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.order.trailing import TrailingStep, TrailingStop

STEPS = tuple(TrailingStep(Decimal(n), Decimal(n)) for n in ("1.5", "1.8", "2.0"))
prices = st.lists(st.integers(1, 100_000).map(lambda n: Decimal(n) / 100), max_size=30)


def by_offset(offset: str = "5", *, protects_long: bool = True) -> TrailingStop:
    return TrailingStop(protects_long=protects_long, offset=Decimal(offset), steps=(), entry=None)


def by_steps(entry: str = "100", *, protects_long: bool = True) -> TrailingStop:
    steps = STEPS
    if not protects_long:
        steps = tuple(TrailingStep(Decimal(n), Decimal(n)) for n in ("0.8", "0.5"))
    return TrailingStop(protects_long=protects_long, offset=None, steps=steps, entry=Decimal(entry))


@pytest.mark.parametrize(
    ("seen", "stop"),
    [
        (["149.99"], None),
        (["150"], "150"),
        (["179.99"], "150"),
        (["180"], "180"),
        (["250"], "200"),
        (["150", "179", "151"], "150"),
        (["150", "180", "181"], "180"),
    ],
)
def test_profit_steps(seen: list[str], stop: str | None) -> None:
    trailing = by_steps()
    for price in seen:
        trailing = trailing.observe(Decimal(price))
    assert trailing.stop == (None if stop is None else Decimal(stop))


@pytest.mark.parametrize(("price", "stop"), [("80.01", None), ("80", "80"), ("49", "50")])
def test_profit_steps_of_a_short(price: str, stop: str | None) -> None:
    trailing = by_steps(protects_long=False).observe(Decimal(price))
    assert trailing.stop == (None if stop is None else Decimal(stop))


def test_no_step_reached_is_never_hit() -> None:
    assert not by_steps().is_hit(Decimal("0.01"))


@given(prices)
def test_an_offset_keeps_its_distance_from_the_best_price(seen: list[Decimal]) -> None:
    long, short = by_offset(), by_offset(protects_long=False)
    for price in seen:
        long, short = long.observe(price), short.observe(price)
    highest, lowest = max(seen, default=None), min(seen, default=None)
    expected = None if highest is None or highest <= 5 else highest - 5
    assert long.stop == expected
    assert short.stop == (None if lowest is None else lowest + 5)


@given(prices, st.booleans(), st.booleans())
def test_a_stop_only_ever_moves_in_favour(seen: list[Decimal], steps: bool, long: bool) -> None:
    trailing = by_steps(protects_long=long) if steps else by_offset(protects_long=long)
    for price in seen:
        moved = trailing.observe(price)
        if trailing.stop is not None:
            assert moved.stop is not None
            assert (moved.stop >= trailing.stop) if long else (moved.stop <= trailing.stop)
        trailing = moved


def test_touching_the_stop_hits_it() -> None:
    long = by_offset().observe(Decimal(100))
    assert [long.is_hit(Decimal(p)) for p in ("95.01", "95", "94")] == [False, True, True]
    short = by_offset(protects_long=False).observe(Decimal(100))
    assert [short.is_hit(Decimal(p)) for p in ("104.99", "105", "106")] == [False, True, True]
