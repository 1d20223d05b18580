"""Prices and quantities as venues write them, straight to Decimal."""

import re
from decimal import Decimal

from adapters.market.bad_frame import BadFrame, BadFrameReason

MAX_REMEMBERED = 65_536

_PLAIN = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,12})?", re.ASCII).fullmatch


class Numbers(dict[str, Decimal]):
    """``numbers[text]``: the Decimal a text says, checked and built once.

    A market repeats its prices and quantities, and a look-up costs a quarter of building a
    Decimal. Bounded: the memory starts anew when it holds MAX_REMEMBERED numbers. Raises BadFrame
    for anything but plain digits (sign, exponent, NaN, infinity, more than 15 integer or 12
    fraction digits), and for zero where ``positive``.
    """

    def __init__(self, *, positive: bool) -> None:
        super().__init__()
        self._positive = positive

    def __missing__(self, text: str) -> Decimal:
        if _PLAIN(text) is None:
            raise BadFrame(BadFrameReason.INVALID_NUMBER, f"{text[:40]!r} is not a plain number")
        value = Decimal(text)
        if self._positive and not value:
            raise BadFrame(BadFrameReason.INVALID_NUMBER, "zero where a market needs a value")
        if len(self) >= MAX_REMEMBERED:
            self.clear()
        self[text] = value
        return value
