"""A short name for an instrument exactly as it is: another filter, another digest."""

import hashlib
from decimal import Decimal
from functools import lru_cache

import msgspec

from domain.instrument import Instrument

DIGEST_LENGTH = 16
"""Hexadecimal digits: enough to tell the versions of one symbol's filters apart."""


@lru_cache(maxsize=4_096)
def instrument_digest(instrument: Instrument) -> str:
    """Equal for equal instruments, however their numbers are written."""
    values = msgspec.structs.asdict(instrument).values()
    text = "\x1f".join(map(_plain, values))
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]


def _plain(value: object) -> str:
    return format(value.normalize(), "f") if isinstance(value, Decimal) else str(value)
