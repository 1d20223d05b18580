"""Opaque cursors: where a page ended, by the values its rows are ordered by.

A cursor of a list of the past names the position it is of: the next page is of the same moment.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TypeVar

import msgspec

from api.errors import Problem

KeyT = TypeVar("KeyT", bound=msgspec.Struct)

_encode = msgspec.json.Encoder().encode


def encode_cursor(key: msgspec.Struct, position: int | None = None) -> str:
    text = urlsafe_b64encode(_encode(key)).rstrip(b"=").decode("ascii")
    return text if position is None else f"{text}.{position}"


def decode_cursor(cursor: str | None, kind: type[KeyT], position: int | None = None) -> KeyT | None:
    """Raises Problem ``invalid_cursor``, also for a cursor of another moment."""
    if cursor is None:
        return None
    text, _, moment = cursor.partition(".")
    if moment != ("" if position is None else str(position)):
        raise Problem("invalid_cursor", "a cursor of another moment", "cursor")
    try:
        return msgspec.json.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=kind)
    except (ValueError, msgspec.DecodeError) as error:
        raise Problem("invalid_cursor", "not a cursor of this list", "cursor") from error
