"""Limits by scope as somebody writes them down, to see what they would have done."""

import json
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from typing import get_args, get_type_hints

from domain.decimals import parse_decimal
from domain.errors import InvalidInput
from domain.risk.limits import Limits
from domain.use_cases.risk_desk import require_scope

_KINDS = get_type_hints(Limits)


def parse_limits(text: str, *, toml: bool) -> dict[str, Limits]:
    """``{"system": {"max_order_value": "1000"}, …}`` in JSON, or a table a scope in TOML.

    Decimals are strings, as everywhere. Raises InvalidInput: ``invalid_file``, ``invalid_scope``,
    ``unknown_limit``, ``wrong_type``, ``invalid_decimal``, and as Limits.check; its ``field``
    names the place, like ``system.max_order_value``.
    """
    scopes = _table(_document(text, toml=toml), "the file")
    if not scopes:
        raise InvalidInput("invalid_file", "the file names no scope", "the file")
    return {scope: _limits(scope, given) for scope, given in scopes.items()}


def _document(text: str, *, toml: bool) -> object:
    try:
        return tomllib.loads(text) if toml else json.loads(text, object_pairs_hook=_unrepeated)
    except (ValueError, RecursionError) as error:
        kind = "TOML" if toml else "JSON"
        raise InvalidInput("invalid_file", f"it is not {kind}: {error}", "the file") from error


def _unrepeated(pairs: list[tuple[str, object]]) -> dict[str, object]:
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name!r} is there twice")
    return dict(pairs)


def _limits(scope: str, given: object) -> Limits:
    require_scope(scope)
    values = {
        name: _value(name, value, f"{scope}.{name}") for name, value in _table(given, scope).items()
    }
    limits = Limits(**values)  # type: ignore[arg-type]  # each was read as the type of its name
    try:
        limits.check()
    except InvalidInput as error:
        raise InvalidInput(error.code, str(error), f"{scope}.{error.field}") from error
    return limits


def _table(value: object, field: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise InvalidInput("wrong_type", f"{field} is not a table of names and values", field)
    return value


def _value(name: str, value: object, field: str) -> Decimal | int | tuple[str, ...] | None:
    if name not in _KINDS:
        known = ", ".join(_KINDS)
        raise InvalidInput("unknown_limit", f"there is no limit {name!r}; there are {known}", field)
    if value is None:
        return None
    kinds = get_args(_KINDS[name])
    if Decimal in kinds:
        return _decimal(value, field)
    return _whole(value, field) if int in kinds else _symbols(value, field)


def _decimal(value: object, field: str) -> Decimal:
    if not isinstance(value, str):
        raise InvalidInput("wrong_type", f'{field} is a decimal: a string like "0.5"', field)
    return parse_decimal(value, field)


def _whole(value: object, field: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidInput("wrong_type", f"{field} is a whole number", field)
    return value


def _symbols(value: object, field: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise InvalidInput("wrong_type", f"{field} is a list of symbols", field)
    for symbol in value:
        if not isinstance(symbol, str):
            raise InvalidInput("wrong_type", f"{field} is a list of symbols", field)
    return tuple(value)
