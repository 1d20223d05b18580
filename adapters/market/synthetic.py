"""A market that needs no venue: seeded, endless, in the venue's own frame format."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import msgspec

from adapters.market.frame_source import RawFrame
from adapters.market.synthetic_symbol import SyntheticSymbol, SyntheticWalk
from domain.clock import Clock
from domain.instrument import Instrument

DEFAULT_STEP_SECONDS = 0.1

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_FURTHEST_BEHIND_SECONDS = 1.0

_ANCHORS = {
    "BTCUSDT": Decimal(60_000),
    "ETHUSDT": Decimal(2_500),
    "SOLUSDT": Decimal(150),
    "SUSHIUSDT": Decimal("7.6"),
    "AKROUSDT": Decimal("0.0174"),
    "KEEPUSDT": Decimal("0.2450"),
    "CTKUSDT": Decimal("1.01"),
}
_TICKS_WITHOUT_ANCHOR = 10_000

_encode = msgspec.json.Encoder().encode


def default_symbols(instruments: Iterable[Instrument]) -> tuple[SyntheticSymbol, ...]:
    """Each instrument around a likely price of its own, or 10,000 ticks."""
    return tuple(
        SyntheticSymbol.of(one, _ANCHORS.get(one.symbol, one.tick_size * _TICKS_WITHOUT_ANCHOR))
        for one in instruments
    )


class SyntheticMarket:
    """Frames of all symbols, step by step; the same seed and instants give the same bytes."""

    def __init__(self, symbols: Sequence[SyntheticSymbol], random: Random) -> None:
        if not symbols:
            raise ValueError("a market needs at least one symbol")
        self._walks = [(one.symbol.lower(), SyntheticWalk(one, random)) for one in symbols]

    def step(self, at: datetime) -> list[bytes]:
        """One step of every symbol at an instant, as frames of a combined stream."""
        milliseconds = (at - _EPOCH) // _MILLISECOND
        return [
            _encode({"stream": name + _STREAMS[str(payload["e"])], "data": payload})
            for name, walk in self._walks
            for payload in walk.step(milliseconds)
        ]


_STREAMS = {
    "bookTicker": "@bookTicker",
    "aggTrade": "@aggTrade",
    "depthUpdate": "@depth@100ms",
    "kline": "@kline_1m",
}


class SyntheticSource:
    """A FrameSource: one step of the market every ``step_seconds``, for ever."""

    def __init__(
        self, market: SyntheticMarket, clock: Clock, step_seconds: float = DEFAULT_STEP_SECONDS
    ) -> None:
        if not 0 < step_seconds < float("inf"):
            raise ValueError(f"step of {step_seconds} s: must be above zero")
        self._market = market
        self._clock = clock
        self._step_seconds = step_seconds

    async def frames(self) -> AsyncGenerator[RawFrame]:
        due = self._clock.monotonic()
        while True:
            at = self._clock.now()
            for payload in self._market.step(at):
                yield RawFrame(payload, at)
            # After a long stop of the process the steps missed are not made up for.
            due = max(due + self._step_seconds, self._clock.monotonic() - _FURTHEST_BEHIND_SECONDS)
            await self._clock.sleep(max(due - self._clock.monotonic(), 0))
