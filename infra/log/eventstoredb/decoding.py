"""Messages of a read as events of the log, straight from protobuf."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from esdbclient.protos.Grpc import shared_pb2, streams_pb2

from domain.log import RecordedEvent

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICKS_PER_MICROSECOND = 10
_JSON = "application/json"
_HALF = 1 << 64


def decode(
    message: streams_pb2.ReadResp.ReadEvent,
) -> RecordedEvent | None:
    """The event, None for what others keep in the same store: system events, links, not JSON."""
    event = message.event
    metadata = event.metadata
    stream = event.stream_identifier.stream_name.decode()
    event_type = metadata["type"]
    if event_type[:1] == "$" or stream[:1] == "$" or metadata["content-type"] != _JSON:
        return None
    return RecordedEvent(
        id=uuid_of(event.id),
        type=event_type,
        data=event.data,
        metadata=event.custom_metadata,
        stream=stream,
        version=event.stream_revision + 1,
        position=event.commit_position,
        recorded_at=_EPOCH
        + timedelta(microseconds=int(metadata["created"]) // _TICKS_PER_MICROSECOND),
    )


def uuid_of(message: shared_pb2.UUID) -> UUID:
    """Servers write ids as text or as two signed halves."""
    if message.string:
        return UUID(message.string)
    halves = message.structured
    high, low = halves.most_significant_bits % _HALF, halves.least_significant_bits % _HALF
    return UUID(int=high * _HALF + low)
