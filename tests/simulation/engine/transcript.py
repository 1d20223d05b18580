"""An event log as bytes: equal exactly when the logs are."""

from collections.abc import Iterable

import msgspec

from domain.log import RecordedEvent

_encode = msgspec.json.Encoder().encode


def transcript(events: Iterable[RecordedEvent]) -> bytes:
    """One JSON object a line, in log order, with all there is of each event."""
    return b"".join(_line(event) for event in events)


def _line(event: RecordedEvent) -> bytes:
    fields = {
        "position": event.position,
        "stream": event.stream,
        "version": event.version,
        "type": event.type,
        "recorded_at": event.recorded_at,
        "id": event.id,
        "data": msgspec.Raw(event.data),
        "metadata": msgspec.Raw(event.metadata),
    }
    return _encode(fields) + b"\n"
