"""Opaque cursors: where a page ended, by the values its rows are ordered by."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TypeVar

import msgspec

from api.errors import Problem

KeyT = TypeVar("KeyT", bound=msgspec.Struct)

_encode = msgspec.json.Encoder().encode


def encode_cursor(key: msgspec.Struct) -> str:
    return urlsafe_b64encode(_encode(key)).rstrip(b"=").decode("ascii")


def decode_cursor(cursor: str | None, kind: type[KeyT]) -> KeyT | None:
    """Raises Problem ``invalid_cursor``."""
    if cursor is None:
        return None
    try:
        return msgspec.json.decode(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=kind)
    except (ValueError, msgspec.DecodeError) as error:
        raise Problem("invalid_cursor", "not a cursor of this list", "cursor") from error
