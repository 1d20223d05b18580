"""Binance USD-M market frames as they stand on the wire, and the market event each one says.

Field names are the venue's; only the fields that the core reads are named. Unknown fields are
ignored: the venue adds some from time to time. Every ``event()`` raises BadFrame for content that
no market can have, and InvalidOperation for a NaN. Checks are written out in place: a call for each
number would cost as much as decoding it.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta

from adapters.market.bad_frame import BadFrame, BadFrameReason
from domain.market_data import Candle, DepthUpdate, Quote, Trade

MAX_MILLISECONDS = 4_102_444_799_999
"""The end of 2099. Up to here a float of seconds still holds every millisecond."""

Milliseconds = Annotated[int, Meta(ge=0, le=MAX_MILLISECONDS)]
Count = Annotated[int, Meta(ge=-1, le=2**63 - 1)]
Symbol = Annotated[str, Meta(min_length=1, max_length=40)]
Levels = tuple[tuple[Decimal, Decimal], ...]

SMALLEST = Decimal("1e-12")
BEYOND = Decimal("1e15")
"""Prices and quantities lie from SMALLEST up to BEYOND, or are zero where that has a meaning."""

_ZERO = Decimal(0)
_from_timestamp = datetime.fromtimestamp


class AggTrade(msgspec.Struct, tag_field="e", tag="aggTrade", gc=False):
    """``f`` to ``l``: the first and last of the matches it joins; ``m``: the buyer was maker."""

    s: Symbol
    a: Count
    p: Decimal
    q: Decimal
    f: Count
    l: Count  # noqa: E741 the venue's name
    T: Milliseconds
    m: bool

    def event(self) -> Trade:
        price, quantity = self.p, self.q
        if not (SMALLEST <= price < BEYOND and SMALLEST <= quantity < BEYOND):
            raise _out_of_range()
        if self.l < self.f:
            raise BadFrame(BadFrameReason.MALFORMED, f"matches {self.f} to {self.l}")
        at = _from_timestamp(self.T / 1000, UTC)
        return Trade(self.s, self.a, price, quantity, self.m, at, self.l - self.f + 1)


class BookTicker(msgspec.Struct, tag_field="e", tag="bookTicker", gc=False):
    """Best bid ``b`` × ``B``, best ask ``a`` × ``A``. An empty side has price zero."""

    s: Symbol
    b: Decimal
    B: Decimal
    a: Decimal
    A: Decimal
    E: Milliseconds

    def event(self) -> Quote:
        bid, bid_quantity, ask, ask_quantity = self.b, self.B, self.a, self.A
        if not (
            _ZERO <= bid < BEYOND
            and _ZERO <= bid_quantity < BEYOND
            and _ZERO <= ask < BEYOND
            and _ZERO <= ask_quantity < BEYOND
        ):
            raise _out_of_range()
        at = _from_timestamp(self.E / 1000, UTC)
        return Quote(self.s, bid, bid_quantity, ask, ask_quantity, at)


class DepthChange(msgspec.Struct, tag_field="e", tag="depthUpdate", gc=False):
    """Updates ``U`` to ``u``, following ``pu``; levels are (price, new quantity)."""

    s: Symbol
    U: Count
    u: Count
    pu: Count
    b: Levels
    a: Levels
    E: Milliseconds

    def event(self) -> DepthUpdate:
        for levels in (self.b, self.a):
            for price, quantity in levels:
                if not (SMALLEST <= price < BEYOND and _ZERO <= quantity < BEYOND):
                    raise _out_of_range()
        at = _from_timestamp(self.E / 1000, UTC)
        return DepthUpdate(self.s, self.U, self.u, self.pu, self.b, self.a, at)


class KlineBody(msgspec.Struct, gc=False):
    """``t``: start, ``i``: interval, ``n``: matches, ``x``: closed."""

    t: Milliseconds
    i: Annotated[str, Meta(min_length=2, max_length=4)]
    o: Decimal
    c: Decimal
    h: Decimal
    l: Decimal  # noqa: E741 the venue's name
    v: Decimal
    n: Count
    x: bool


class Kline(msgspec.Struct, tag_field="e", tag="kline", gc=False):
    s: Symbol
    k: KlineBody

    def event(self) -> Candle:
        k = self.k
        if not (k.l >= SMALLEST and k.h < BEYOND and _ZERO <= k.v < BEYOND):
            raise _out_of_range()
        if not (k.l <= k.o <= k.h and k.l <= k.c <= k.h):
            raise BadFrame(BadFrameReason.MALFORMED, "open or close outside low to high")
        opened_at = _from_timestamp(k.t / 1000, UTC)
        return Candle(self.s, k.i, opened_at, k.o, k.h, k.l, k.c, k.v, max(k.n, 0), k.x)


Frame = AggTrade | BookTicker | DepthChange | Kline


class Combined(msgspec.Struct, gc=False):
    """A frame of a combined stream: the raw frame under ``data``."""

    data: Frame


class Named(msgspec.Struct):
    """Just enough of a frame, raw or combined, to see which event it claims to be."""

    e: str | None = None
    data: "Named | None" = None


def _out_of_range() -> BadFrame:
    return BadFrame(BadFrameReason.INVALID_NUMBER, "a price or quantity no market can have")
