"""Binance USD-M market frames, raw or of a combined stream, to the core's own market events."""

import msgspec

from adapters.market import wire
from adapters.market.bad_frame import BadFrame, BadFrameReason
from domain.market_data import MarketEvent

MAX_FRAME_BYTES = 1024 * 1024
"""Many times the largest frame seen; more is an error, or an attack."""

_COMBINED_START = b'{"stream"'
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_raw: msgspec.json.Decoder[wire.Frame] = msgspec.json.Decoder(wire.Frame)
_combined = msgspec.json.Decoder(wire.Combined)
_named = msgspec.json.Decoder(wire.Named)


def decode(frame: bytes) -> MarketEvent:
    """The market event a frame says; a kline gives a Candle.

    Raises BadFrame, and nothing else, whatever the bytes.
    """
    if len(frame) > MAX_FRAME_BYTES:
        raise BadFrame(BadFrameReason.TOO_LARGE, f"{len(frame)} bytes")
    try:
        # The venue writes "stream" first; searching the whole frame costs a tenth of decoding it.
        if frame.startswith(_COMBINED_START) or b'"data"' in frame:
            return _combined.decode(frame).data.event()
        return _raw.decode(frame).event()
    except _UNREADABLE as error:
        raise _explain(frame, error) from error


def _explain(frame: bytes, error: Exception) -> BadFrame:
    if not isinstance(error, msgspec.ValidationError):
        return BadFrame(BadFrameReason.NOT_JSON, str(error))
    if (name := _unknown_event(frame)) is not None:
        return BadFrame(BadFrameReason.UNKNOWN_EVENT, repr(name[:40]))
    return BadFrame(BadFrameReason.MALFORMED, str(error))


def _unknown_event(frame: bytes) -> str | None:
    try:
        named = _named.decode(frame)
    except _UNREADABLE:
        return None
    name = named.e if named.data is None else named.data.e
    return None if name in _KNOWN else name


_KNOWN = frozenset({"aggTrade", "bookTicker", "depthUpdate", "kline"})
