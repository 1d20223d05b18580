"""Market frames decoded and normalised to the core's own events.

Against the least that could work: msgspec decoding the same frames, with every field they have, to
structs with Decimal prices, without a check of any number and without the core's types. Recorded
frames where they are there; generated ones, which hardly repeat a quantity, always. Both are work
of one processor alone, so its time is counted, not that of others on the machine.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Final

import msgspec

from adapters.market.binance_frames import decode
from adapters.market.recording import Recording
from adapters.market.static_instruments import StaticInstruments
from adapters.market.synthetic import SyntheticMarket, default_symbols
from tests.benchmarks.harness import Bench, Result

RECORDED: Final = Path(__file__).parents[3] / "shared/market/binance_futures_2021-07-22.frames.gz"
FRAMES: Final = 40_000
GOAL: Final = 0.6
START: Final = datetime(2024, 3, 1, 12, tzinfo=UTC)

Levels = tuple[tuple[Decimal, Decimal], ...]


class BareTrade(msgspec.Struct, tag_field="e", tag="aggTrade"):
    E: int
    s: str
    a: int
    p: Decimal
    q: Decimal
    f: int
    l: int  # noqa: E741 the venue's name
    T: int
    m: bool


class BareTicker(msgspec.Struct, tag_field="e", tag="bookTicker"):
    u: int
    s: str
    b: Decimal
    B: Decimal
    a: Decimal
    A: Decimal
    T: int
    E: int


class BareDepth(msgspec.Struct, tag_field="e", tag="depthUpdate"):
    E: int
    T: int
    s: str
    U: int
    u: int
    pu: int
    b: Levels
    a: Levels


class BareKlineBody(msgspec.Struct):
    t: int
    T: int
    s: str
    i: str
    f: int
    L: int
    o: Decimal
    c: Decimal
    h: Decimal
    l: Decimal  # noqa: E741 the venue's name
    v: Decimal
    n: int
    x: bool
    q: Decimal
    V: Decimal
    Q: Decimal


class BareKline(msgspec.Struct, tag_field="e", tag="kline"):
    E: int
    s: str
    k: BareKlineBody


class BareFrame(msgspec.Struct):
    stream: str
    data: BareTrade | BareTicker | BareDepth | BareKline


_bare = msgspec.json.Decoder(BareFrame)


async def run(bench: Bench) -> list[Result]:
    amount = bench.scaled(FRAMES, least=1_000)
    sets = {"generated": generated(amount)}
    if RECORDED.is_file():
        sets["recorded"] = recorded(amount)
    return [
        await bench.compare(
            f"{kind} market frames decoded and normalised",
            "frames/s",
            rate(decode, frames),
            reference="bare msgspec decode of the same frames, Decimal prices",
            theirs=rate(_bare.decode, frames),
            goal=GOAL,
        )
        for kind, frames in sets.items()
    ]


def rate(
    decode_one: Callable[[bytes], object], frames: Sequence[bytes]
) -> Callable[[], Awaitable[float]]:
    async def measure() -> float:
        start = time.thread_time()
        for frame in frames:
            decode_one(frame)
        return len(frames) / (time.thread_time() - start)

    return measure


def generated(amount: int) -> list[bytes]:
    """Frames of a quarter of an hour and more: all different, no round repeats a minute."""
    symbols = default_symbols(StaticInstruments.default().all())
    market = SyntheticMarket(symbols, Random(1))
    frames: list[bytes] = []
    at = START
    while len(frames) < amount:
        frames += market.step(at)
        at += timedelta(milliseconds=100)
    return frames[:amount]


def recorded(amount: int) -> list[bytes]:
    """The recording, over and over."""
    frames = [frame.payload for frame in Recording(RECORDED).read()]
    return (frames * (amount // len(frames) + 1))[:amount]
