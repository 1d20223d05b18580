"""The markets a session is played on: the real recording, and one made for tests."""

import gzip
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from adapters.market.static_instruments import StaticInstruments
from tests.end_to_end.recording import EXCHANGE_INFO, read_frames, read_tape
from tests.end_to_end.tape import write_tape


class Frame(NamedTuple):
    received_at: datetime
    payload: bytes


class Market(NamedTuple):
    """What happens on it, what can be traded there, and in what the session trades.

    ``exchange_info`` is the file that says what can be traded, where it is not the built-in.
    """

    frames: Sequence[Frame]
    instruments: StaticInstruments
    symbols: Sequence[str]
    exchange_info: Path | None


def recorded_market() -> Market:
    frames = [Frame(frame.received_at, frame.payload) for frame in read_frames()]
    instruments = StaticInstruments.from_answer(gzip.decompress(EXCHANGE_INFO.read_bytes()))
    symbols = ("SUSHIUSDT", "AKROUSDT", "KEEPUSDT", "CTKUSDT")
    return Market(frames, instruments, symbols, EXCHANGE_INFO)


def made_market(directory: Path) -> Market:
    frames = read_tape(write_tape(directory / "tape"))
    return Market(
        [Frame(frame.received_at, frame.payload) for frame in frames],
        StaticInstruments.default(),
        ("BTCUSDT",),
        None,
    )
