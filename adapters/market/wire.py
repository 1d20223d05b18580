"""Binance USD-M market frames as they stand on the wire, and the market event each one says.

Field names are the venue's; only the fields that the core reads are named. Unknown fields are
ignored: the venue adds some from time to time. Every ``event()`` raises BadFrame for content that
no market can have.
"""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from adapters.market.bad_frame import BadFrame, BadFrameReason
from adapters.market.numbers import Numbers
from domain.market_data import Candle, DepthUpdate, Quote, Trade

MAX_MILLISECONDS = 4_102_444_799_999
"""The end of 2099. Up to here a float of seconds still holds every millisecond."""

Milliseconds = Annotated[int, Meta(ge=0, le=MAX_MILLISECONDS)]
Count = Annotated[int, Meta(ge=-1, le=2**63 - 1)]
Symbol = Annotated[str, Meta(min_length=1, max_length=40)]
Levels = tuple[tuple[str, str], ...]

_positive = Numbers(positive=True)
_number = Numbers(positive=False)
_from_timestamp = datetime.fromtimestamp


class AggTrade(msgspec.Struct, tag_field="e", tag="aggTrade"):
    """``f`` to ``l``: the first and last of the matches it joins; ``m``: the buyer was maker."""

    s: Symbol
    a: Count
    p: str
    q: str
    f: Count
    l: Count  # noqa: E741 the venue's name
    T: Milliseconds
    m: bool

    def event(self) -> Trade:
        if self.l < self.f:
            raise BadFrame(BadFrameReason.MALFORMED, f"matches {self.f} to {self.l}")
        return Trade(
            self.s,
            self.a,
            _positive[self.p],
            _positive[self.q],
            self.m,
            _from_timestamp(self.T / 1000, UTC),
            self.l - self.f + 1,
        )


class BookTicker(msgspec.Struct, tag_field="e", tag="bookTicker"):
    """Best bid ``b`` × ``B``, best ask ``a`` × ``A``. An empty side has price zero."""

    s: Symbol
    b: str
    B: str
    a: str
    A: str
    E: Milliseconds

    def event(self) -> Quote:
        return Quote(
            self.s,
            _number[self.b],
            _number[self.B],
            _number[self.a],
            _number[self.A],
            _from_timestamp(self.E / 1000, UTC),
        )


class DepthChange(msgspec.Struct, tag_field="e", tag="depthUpdate"):
    """Updates ``U`` to ``u``, following ``pu``; levels are (price, new quantity)."""

    s: Symbol
    U: Count
    u: Count
    pu: Count
    b: Levels
    a: Levels
    E: Milliseconds

    def event(self) -> DepthUpdate:
        return DepthUpdate(
            self.s,
            self.U,
            self.u,
            self.pu,
            tuple([(_positive[price], _number[quantity]) for price, quantity in self.b]),
            tuple([(_positive[price], _number[quantity]) for price, quantity in self.a]),
            _from_timestamp(self.E / 1000, UTC),
        )


class KlineBody(msgspec.Struct):
    """``t``: start, ``i``: interval, ``n``: matches, ``x``: closed."""

    t: Milliseconds
    i: Annotated[str, Meta(min_length=2, max_length=4)]
    o: str
    c: str
    h: str
    l: str  # noqa: E741 the venue's name
    v: str
    n: Count
    x: bool


class Kline(msgspec.Struct, tag_field="e", tag="kline"):
    s: Symbol
    k: KlineBody

    def event(self) -> Candle:
        k = self.k
        opened_at = _from_timestamp(k.t / 1000, UTC)
        open_, high, low, close = _positive[k.o], _positive[k.h], _positive[k.l], _positive[k.c]
        if not (low <= open_ <= high and low <= close <= high):
            raise BadFrame(BadFrameReason.MALFORMED, "open or close outside low to high")
        return Candle(
            self.s, k.i, opened_at, open_, high, low, close, _number[k.v], max(k.n, 0), k.x
        )


Frame = AggTrade | BookTicker | DepthChange | Kline


class Combined(msgspec.Struct):
    """A frame of a combined stream: the raw frame under ``data``."""

    data: Frame


class Named(msgspec.Struct):
    """Just enough of a frame, raw or combined, to see which event it claims to be."""

    e: str | None = None
    data: "Named | None" = None
