import asyncio
import re
import threading
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.decimals import (
    MONEY_STEP,
    is_multiple,
    money,
    money_up,
    parse_decimal,
)
from domain.errors import InvalidInput

digits = st.text("0123456789", min_size=1, max_size=15)
admitted = st.decimals(-(10**15), 10**15, allow_nan=False, allow_infinity=False, places=12)
positive = st.decimals(
    Decimal("0.000000000001"), 10**9, allow_nan=False, allow_infinity=False, places=12
)


@given(st.booleans(), digits, st.none() | st.text("0123456789", min_size=1, max_size=12))
def test_plain_decimals_are_read_exactly(negative: bool, whole: str, part: str | None) -> None:
    whole = whole.lstrip("0") or "0"
    text = ("-" if negative else "") + whole + (f".{part}" if part is not None else "")
    value = Fraction(int(whole + (part or "")), 10 ** len(part or ""))
    if value == 0 and negative:
        with pytest.raises(InvalidInput):
            parse_decimal(text, "quantity")
    else:
        assert Fraction(parse_decimal(text, "quantity")) == (-value if negative else value)


@given(st.text() | st.text("0123456789.+-eE_ ,١２\n") | st.floats().map(str))
def test_nothing_else_is_read(text: str) -> None:
    if re.fullmatch(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,12})?", text) and "-0" not in text:
        assert parse_decimal(text, "price").is_finite()
        return
    if re.fullmatch(r"-0\.[0-9]{1,12}", text) and Decimal(text) != 0:
        return
    with pytest.raises(InvalidInput) as refusal:
        parse_decimal(text, "price")
    assert (refusal.value.code, refusal.value.field) == ("invalid_decimal", "price")


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "1\n",
        "+1",
        "-0",
        "-0.00",
        "01",
        "1.",
        ".5",
        "1,5",
        "1_000",
        "1e5",
        "1E-8",
        "1e400",
        "0x10",
        "NaN",
        "sNaN",
        "Infinity",
        "-inf",
        "١٢",
        "１",
        "²",
        "1" * 16,
        "0." + "1" * 13,
        "0." + "1" * 40,
        "--1",
        "1.2.3",
    ],
)
def test_bad_numbers(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"not a plain decimal|negative zero"):
        parse_decimal(text, "x")


@given(admitted, admitted, admitted)
def test_no_product_or_sum_of_admitted_numbers_is_rounded(
    a: Decimal, b: Decimal, c: Decimal
) -> None:
    assert Fraction(a * b + c) == Fraction(a) * Fraction(b) + Fraction(c)


def test_the_width_holds_in_threads_and_tasks() -> None:
    wide = Decimal("123456789012345.123456789012")
    exact = Fraction(wide) ** 2
    seen: list[Decimal] = []

    async def in_a_task() -> None:
        await asyncio.get_running_loop().create_task(asyncio.sleep(0))
        seen.append(wide * wide)

    thread = threading.Thread(target=lambda: seen.append(wide * wide))
    thread.start()
    thread.join()
    asyncio.run(in_a_task())
    assert [Fraction(product) for product in seen] == [exact, exact]


@given(positive, positive)
def test_multiples(value: Decimal, step: Decimal) -> None:
    assert is_multiple(value, step) == ((Fraction(value) / Fraction(step)).denominator == 1)
    assert is_multiple(value * step, step) == (Fraction(value).denominator == 1)


@given(admitted)
def test_money_is_the_nearest_and_money_up_never_less(value: Decimal) -> None:
    step = Fraction(MONEY_STEP)
    assert abs(Fraction(money(value)) - Fraction(value)) <= step / 2
    assert 0 <= Fraction(money_up(value)) - Fraction(value) < step
    assert Fraction(money(value)) % step == Fraction(money_up(value)) % step == 0


def test_halves_go_to_even() -> None:
    assert money(Decimal("0.000000005")) == 0
    assert money(Decimal("0.000000015")) == Decimal("0.00000002")


def test_rounding_does_not_lean_on_the_context() -> None:
    with localcontext() as context:
        context.prec = 5
        assert money(Decimal("123456.123456784")) == Decimal("123456.12345678")
