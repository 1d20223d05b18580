"""Binance USD-M market frames, raw or of a combined stream, to the core's own market events."""

from decimal import InvalidOperation

import msgspec

from adapters.market import wire
from adapters.market.bad_frame import BadFrame, BadFrameReason
from domain.market_data import MarketEvent

MAX_FRAME_BYTES = 256 * 1024
"""Several thousand levels of a book; more is an error, or an attack."""

_NO_DECIMAL = "Invalid decimal string"
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_raw: msgspec.json.Decoder[wire.Frame] = msgspec.json.Decoder(wire.Frame)
_decode_raw = _raw.decode
_decode_combined = msgspec.json.Decoder(wire.Combined).decode
_decode_named = msgspec.json.Decoder(wire.Named).decode


def decode(frame: bytes) -> MarketEvent:
    """The market event a frame says; a kline gives a Candle.

    Raises BadFrame, and nothing else, whatever the bytes.
    """
    if len(frame) > MAX_FRAME_BYTES:
        raise BadFrame(BadFrameReason.TOO_LARGE, f"{len(frame)} bytes")
    try:
        # The venue writes {"stream" first; searching the whole frame, for one that has its keys in
        # another order, costs a tenth of decoding it.
        if frame[2:8] == b"stream" or b'"data"' in frame:
            return _decode_combined(frame).data.event()
        return _decode_raw(frame).event()
    except _UNREADABLE as error:
        raise _explain(frame, error) from error
    except InvalidOperation as error:
        raise BadFrame(BadFrameReason.INVALID_NUMBER, "not a number") from error


def _explain(frame: bytes, error: Exception) -> BadFrame:
    if not isinstance(error, msgspec.ValidationError):
        return BadFrame(BadFrameReason.NOT_JSON, str(error))
    if str(error).startswith(_NO_DECIMAL):
        return BadFrame(BadFrameReason.INVALID_NUMBER, str(error))
    if (name := _unknown_event(frame)) is not None:
        return BadFrame(BadFrameReason.UNKNOWN_EVENT, repr(name[:40]))
    return BadFrame(BadFrameReason.MALFORMED, str(error))


def _unknown_event(frame: bytes) -> str | None:
    try:
        named = _decode_named(frame)
    except _UNREADABLE:
        return None
    name = named.e if named.data is None else named.data.e
    return None if name in _KNOWN else name


_KNOWN = frozenset({"aggTrade", "bookTicker", "depthUpdate", "kline"})
