"""The real recording, read without the project's own decoder: what a test compares against."""

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

MARKET = Path(__file__).parents[3] / "shared" / "market"
FRAMES = MARKET / "binance_futures_2021-07-22.frames.gz"
EXCHANGE_INFO = MARKET / "binance_futures_exchangeInfo.json.gz"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Frame(NamedTuple):
    received_at: datetime
    payload: bytes
    event: dict[str, str]
    """The payload's ``data``."""


class Touch(NamedTuple):
    bid: Decimal
    ask: Decimal


def read_frames() -> list[Frame]:
    with gzip.open(FRAMES, "rt") as file:
        next(file)  # the URL that was subscribed
        return list(_frames(file))


def read_tape(path: Path) -> list[Frame]:
    """Frames of a file that is not packed."""
    with path.open() as file:
        next(file)
        return list(_frames(file))


def _frames(lines: Iterator[str]) -> Iterator[Frame]:
    for line in lines:
        seconds, _, payload = line.rstrip("\n").partition(": ")
        received = _EPOCH + timedelta(microseconds=int(Decimal(seconds) * 1_000_000))
        yield Frame(received, payload.encode(), json.loads(payload)["data"])


def touch_at(frames: list[Frame], index: int, symbol: str) -> Touch:
    """The newest best bid and ask up to and with a frame."""
    for frame in reversed(frames[: index + 1]):
        if frame.event["e"] == "bookTicker" and frame.event["s"] == symbol:
            return Touch(Decimal(frame.event["b"]), Decimal(frame.event["a"]))
    raise LookupError(symbol)


def first_reach(frames: list[Frame], after: int, symbol: str, price: Decimal) -> int:
    """The first frame later on in which a sell resting at ``price`` must have filled.

    Somebody traded at the price or above, or bids it.
    """
    for index, frame in enumerate(frames[after + 1 :], after + 1):
        event = frame.event
        if event["s"] == symbol and (
            (event["e"] == "aggTrade" and Decimal(event["p"]) >= price)
            or (event["e"] == "bookTicker" and Decimal(event["b"]) >= price)
        ):
            return index
    raise LookupError(f"{symbol} never reaches {price}")
