"""Values as JSON."""

from collections import deque
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from domain.account.reservation_book import ReservationBook
from domain.order.terms import Side
from domain.risk.limits import Limits
from replay.state.plain import plain


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Decimal("1E+3"), "1000"),
        (Decimal("1E-9"), "0.000000001"),
        (Decimal("-0.00"), "0.00"),
        (Decimal("-0.50"), "-0.50"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05.000000Z"),
        (date(2026, 1, 2), "2026-01-02"),
        (Side.BUY, "buy"),
        ({"b", "a"}, ["a", "b"]),
        (deque([(Side.SELL, Decimal(1))]), [["sell", "1"]]),
        ({"b": 1, "a": None}, {"b": 1, "a": None}),
        (ReservationBook(), {}),
        (Limits(price_collar=Decimal("0.05")), {"price_collar": "0.05"}),
        (True, True),
        (None, None),
    ],
)
def test_written(value: object, written: object) -> None:
    assert plain(value) == written


def test_mappings_keep_their_order() -> None:
    document = plain({"b": 1, "a": 2})
    assert isinstance(document, dict)
    assert list(document) == ["b", "a"]


@pytest.mark.parametrize("value", [0.5, object(), b"bytes"])
def test_what_has_no_form(value: object) -> None:
    with pytest.raises(TypeError, match=type(value).__name__):
        plain([value])
