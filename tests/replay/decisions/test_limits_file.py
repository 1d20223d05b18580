from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInput
from domain.risk.limits import Limits
from replay.decisions.limits_file import parse_limits

EXPECTED = {
    "system": Limits(max_order_value=Decimal("1000.5"), max_open_orders=3),
    "client:alice": Limits(allowed_symbols=("BTCUSDT",), price_collar=Decimal("0.05")),
}


def test_json_and_toml_say_the_same() -> None:
    json = """{
        "system": {"max_order_value": "1000.5", "max_open_orders": 3, "max_position": null},
        "client:alice": {"allowed_symbols": ["BTCUSDT"], "price_collar": "0.05"}
    }"""
    toml = """
        [system]
        max_order_value = "1000.5"
        max_open_orders = 3
        ["client:alice"]
        allowed_symbols = ["BTCUSDT"]
        price_collar = "0.05"
    """
    assert parse_limits(json, toml=False) == parse_limits(toml, toml=True) == EXPECTED


@pytest.mark.parametrize(
    ("text", "code", "field"),
    [
        ("", "invalid_file", "the file"),
        ("{", "invalid_file", "the file"),
        ("[" * 100_000, "invalid_file", "the file"),
        ("{}", "invalid_file", "the file"),
        ("[]", "wrong_type", "the file"),
        ('{"system": {}, "system": {}}', "invalid_file", "the file"),
        ('{"everyone": {}}', "invalid_scope", "scope"),
        ('{"system": 5}', "wrong_type", "system"),
        ('{"system": {"max_orders": 5}}', "unknown_limit", "system.max_orders"),
        ('{"system": {"max_order_value": 5}}', "wrong_type", "system.max_order_value"),
        ('{"system": {"max_order_value": "1e5"}}', "invalid_decimal", "system.max_order_value"),
        ('{"system": {"max_order_value": "-1"}}', "negative_limit", "system.max_order_value"),
        ('{"system": {"max_open_orders": "5"}}', "wrong_type", "system.max_open_orders"),
        ('{"system": {"max_open_orders": 1.5}}', "wrong_type", "system.max_open_orders"),
        ('{"system": {"max_open_orders": true}}', "wrong_type", "system.max_open_orders"),
        ('{"system": {"max_open_orders": -1}}', "negative_limit", "system.max_open_orders"),
        ('{"system": {"allowed_symbols": "B"}}', "wrong_type", "system.allowed_symbols"),
        ('{"system": {"allowed_symbols": [1]}}', "wrong_type", "system.allowed_symbols"),
        (
            '{"system": {"duplicate_window_ms": 60001}}',
            "window_too_long",
            "system.duplicate_window_ms",
        ),
    ],
)
def test_what_is_wrong_is_named(text: str, code: str, field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_limits(text, toml=False)
    assert (refusal.value.code, refusal.value.field) == (code, field)


@given(text=st.text(), toml=st.booleans())
def test_no_text_breaks_it(text: str, toml: bool) -> None:
    with pytest.raises(InvalidInput):
        parse_limits(text, toml=toml)
