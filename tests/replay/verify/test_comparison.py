"""Two rows side by side."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from replay.verify.comparison import differences
from replay.verify.finding import Difference

AT = datetime(2026, 1, 1, tzinfo=UTC)


def between(expected: object, found: object) -> list[tuple[str | None, str | None, str | None]]:
    """Of one value, in a column called value."""
    rows = [{"id": "a", "value": value} for value in (expected, found)]
    return [(d.column, d.expected, d.found) for d in differences("t", ("id",), rows[0], rows[1])]


@pytest.mark.parametrize(
    "value",
    ["x", "", None, True, 0, Decimal("1.50"), AT, {}, {"a": [1, {"b": None}]}, [], ["x", 1.5]],
)
def test_the_same_is_the_same(value: object) -> None:
    assert between(value, value) == []


def test_numbers_are_the_same_with_zeros_behind() -> None:
    assert between(Decimal("1.50"), Decimal("1.5")) == []


@pytest.mark.parametrize(
    ("expected", "found", "told"),
    [
        ("x", "y", ("value", "x", "y")),
        (None, "", ("value", "null", "")),
        (None, 0, ("value", "null", "0")),
        (True, False, ("value", "true", "false")),
        (True, 1, ("value", "true", "1")),
        (Decimal("1E-8"), Decimal(0), ("value", "0.00000001", "0")),
        (AT, AT.replace(microsecond=1), ("value", "2026-01-01T00:00:00.000000Z",
                                         "2026-01-01T00:00:00.000001Z")),
        ({"a": 1}, {"a": 2}, ("value.a", "1", "2")),
        ({"a": True}, {"a": 1}, ("value.a", "true", "1")),
        ({"a": {"b": "1", "c": "2"}}, {"a": {"b": "1"}}, ("value.a.c", "2", None)),
        ({}, {"a": None}, ("value.a", None, "null")),
        ({"a": [1, 2]}, {"a": [2, 1]}, ("value.a", "[1,2]", "[2,1]")),
        ({"a": [True]}, {"a": [1]}, ("value.a", "[true]", "[1]")),
        ({"a": {}}, {"a": []}, ("value.a", "{}", "[]")),
    ],
)  # fmt: skip
def test_what_differs(expected: object, found: object, told: tuple[str, str, str]) -> None:
    assert between(expected, found) == [told]


def test_the_order_of_names_is_none() -> None:
    assert between([{"a": 1, "b": 2}], [{"b": 2, "a": 1}]) == []


def test_a_nul_is_stored_as_its_symbol() -> None:
    assert between("a\x00b", "a␀b") == []
    assert between({"a": ["\x00"], "b": {"c": "\x00"}}, {"a": ["␀"], "b": {"c": "␀"}}) == []
    assert between("a\x00b", "ab") != []


def test_columns_that_are_not_on_both_sides() -> None:
    expected, found = {"id": 1, "gone": "x"}, {"id": 1, "more": "y"}
    assert list(differences("t", ("id",), expected, found)) == [
        Difference("t", {"id": "1"}, "gone", "x", None),
        Difference("t", {"id": "1"}, "more", None, "y"),
    ]
