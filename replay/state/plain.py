"""What an aggregate knows as JSON: decimals as plain strings, times in RFC 3339."""

from collections import deque
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

import msgspec

from domain.event import format_time

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | bool | None"


def plain(value: object) -> Json:
    """The same value always gives the same document: mappings keep their order, sets are sorted.

    Raises TypeError for what has no form in JSON.
    """
    if isinstance(value, msgspec.Struct):
        return _object(msgspec.structs.asdict(value), omits=value.__struct_config__.omit_defaults)
    if isinstance(value, Mapping):
        return _object(value)
    if isinstance(value, AbstractSet):
        return [plain(item) for item in sorted(value)]
    if isinstance(value, list | tuple | deque):
        return [plain(item) for item in value]
    return _scalar(value)


def plain_decimal(number: Decimal) -> str:
    """Without an exponent; a zero has no sign."""
    return format(number if number else abs(number), "f")


def _object(items: Mapping[str, object], *, omits: bool = False) -> dict[str, Json]:
    return {
        str(name): plain(value) for name, value in items.items() if not (omits and value is None)
    }


def _scalar(value: object) -> str | int | bool | None:
    if isinstance(value, Decimal):
        return plain_decimal(value)
    if isinstance(value, datetime):
        return format_time(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, StrEnum):
        return value.value
    if value is None or isinstance(value, str | int):
        return value
    raise TypeError(f"{type(value).__name__} has no form in JSON")
