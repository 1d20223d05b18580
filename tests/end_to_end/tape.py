"""A market made for tests: two quotes in turns, so that what rests between them fills at once."""

import json
from pathlib import Path

from tests.end_to_end.load import SYMBOL

LOW_BID, LOW_ASK = "59940.0", "59950.0"
HIGH_BID, HIGH_ASK = "59990.0", "60000.0"

BETWEEN = "59960.0"
"""A buy here rests while the market is high and fills when it is low; a sell at once or soon."""

FAR_BELOW = "58500.0"
"""A buy here rests for ever, within the price collar."""

TURN_SECONDS = 0.2
TURNS = 3_000

_URL = "wss://market.test/stream?streams=btcusdt@bookTicker/btcusdt@aggTrade"


def write_tape(path: Path) -> Path:
    """Ten minutes of it, in the format of a recording."""
    frames = [frame for turn in range(TURNS) for frame in _turn(turn)]
    path.write_text("\n".join([_URL, *frames]) + "\n")
    return path


def _turn(turn: int) -> tuple[str, str]:
    """A quote, and a trade at its ask."""
    bid, ask = ((LOW_BID, LOW_ASK), (HIGH_BID, HIGH_ASK))[turn % 2]
    seconds = 1_700_000_000 + turn * TURN_SECONDS
    at = int(seconds * 1_000)
    quote = {"e": "bookTicker", "u": turn, "s": SYMBOL, "b": bid, "B": "50", "a": ask, "A": "50",
             "T": at, "E": at}  # fmt: skip
    trade = {"e": "aggTrade", "E": at, "a": turn, "s": SYMBOL, "p": ask, "q": "0.001", "f": turn,
             "l": turn, "T": at, "m": False}  # fmt: skip
    return _line(seconds, quote), _line(seconds, trade)


def _line(seconds: float, event: dict[str, object]) -> str:
    stream = f"{SYMBOL.lower()}@{event['e']}"
    return f"{seconds:.6f}: {json.dumps({'stream': stream, 'data': event})}"
