"""A row as it should be beside the row that is there."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from domain.event import format_time
from replay.verify.finding import Difference
from replay.verify.live_tables import Row

Key = tuple[str, ...]

_ABSENT = object()
_in_order = msgspec.json.Encoder(order="deterministic").encode
"""The names of a JSON object in one order: the database keeps another than the log."""


def key_of(row: Row, columns: Sequence[str]) -> Key:
    return tuple(str(row[column]) for column in columns)


def differences(
    table: str, key_columns: Sequence[str], expected: Row, found: Row
) -> Iterator[Difference]:
    """One for each value that is not as it should be; of JSON, one for each leaf."""
    key = dict(zip(key_columns, key_of(expected, key_columns), strict=True))
    for column, wanted, present in _unequal("", expected, found):
        yield Difference(table, key, column, _text(wanted), _text(present))


def missing_row(table: str, key_columns: Sequence[str], expected: Row) -> Difference:
    key = dict(zip(key_columns, key_of(expected, key_columns), strict=True))
    return Difference(table, key, None, _row_text(expected), None)


def extra_row(table: str, key_columns: Sequence[str], found: Row) -> Difference:
    key = dict(zip(key_columns, key_of(found, key_columns), strict=True))
    return Difference(table, key, None, None, _row_text(found))


def stored(value: object) -> object:
    """A value as the database can hold it: no text has a NUL in it, its symbol stands for it."""
    if isinstance(value, str):
        return value.replace("\x00", "␀")
    if isinstance(value, Mapping):
        return {stored(name): stored(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [stored(item) for item in value]
    return value


def _unequal(path: str, expected: Row, found: Row) -> Iterator[tuple[str, object, object]]:
    for name in [*expected, *(name for name in found if name not in expected)]:
        wanted, present = expected.get(name, _ABSENT), found.get(name, _ABSENT)
        if isinstance(wanted, Mapping) and isinstance(present, Mapping):
            yield from _unequal(f"{path}{name}.", wanted, present)
        elif not _same(wanted, present) and not _same(stored(wanted), present):
            yield f"{path}{name}", wanted, present


def _same(wanted: object, present: object) -> bool:
    """In Python 1 is True and 1.0, in JSON it is not."""
    if isinstance(wanted, list) and isinstance(present, list):
        return _in_order(wanted) == _in_order(present)
    return type(wanted) is type(present) and wanted == present


def _text(value: object) -> str | None:
    """As a person reads it; None where there is no such value at all."""
    if value is _ABSENT:
        return None
    if value is None:
        return "null"
    if isinstance(value, datetime):
        return format_time(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, bool | dict | list):
        return msgspec.json.encode(value).decode()
    return str(value)


def _row_text(row: Row) -> str:
    return ", ".join(
        f"{name} {_text(stored(value))}" for name, value in row.items() if value is not None
    )
