"""Records as the messages of a read."""

from dataclasses import dataclass
from uuid import UUID

from esdbclient.protos.Grpc import shared_pb2, streams_pb2

from tests.doubles.eventstoredb.record import LINK_TYPE, Record
from tests.doubles.eventstoredb.store import Store

_SIGN = 1 << 63


@dataclass(frozen=True, slots=True)
class Encoding:
    """How one reader wants events: ids as strings or as two integers, links resolved or not."""

    store: Store
    resolve_links: bool
    structured_ids: bool

    def event(self, record: Record) -> streams_pb2.ReadResp:
        """An event; for a link that is to be resolved its target too, if there still is one."""
        read_event = streams_pb2.ReadResp.ReadEvent(commit_position=record.position)
        if self.resolve_links and record.type == LINK_TYPE:
            read_event.link.CopyFrom(self._recorded(record))
            target = self.store.resolve(record)
            if target is not None:
                read_event.event.CopyFrom(self._recorded(target))
        else:
            read_event.event.CopyFrom(self._recorded(record))
        return streams_pb2.ReadResp(event=read_event)

    def _recorded(self, record: Record) -> streams_pb2.ReadResp.ReadEvent.RecordedEvent:
        return streams_pb2.ReadResp.ReadEvent.RecordedEvent(
            id=structured(record.id) if self.structured_ids else text(record.id),
            stream_identifier=stream_identifier(record.stream),
            stream_revision=record.revision,
            prepare_position=record.position,
            commit_position=record.position,
            metadata={
                "type": record.type,
                "content-type": record.content_type,
                "created": str(record.created),
            },
            custom_metadata=record.metadata,
            data=record.data,
        )


def stream_identifier(name: str) -> shared_pb2.StreamIdentifier:
    return shared_pb2.StreamIdentifier(stream_name=name.encode())


def text(uuid: UUID) -> shared_pb2.UUID:
    return shared_pb2.UUID(string=str(uuid))


def structured(uuid: UUID) -> shared_pb2.UUID:
    """The two halves as signed integers, the form the server prefers when it may choose."""
    high, low = divmod(uuid.int, 1 << 64)
    return shared_pb2.UUID(
        structured=shared_pb2.UUID.Structured(
            most_significant_bits=_signed(high), least_significant_bits=_signed(low)
        )
    )


def uuid_of(message: shared_pb2.UUID) -> UUID:
    if message.WhichOneof("value") == "string":
        return UUID(message.string)
    high = message.structured.most_significant_bits % (1 << 64)
    low = message.structured.least_significant_bits % (1 << 64)
    return UUID(int=(high << 64) + low)


def _signed(half: int) -> int:
    return half - (1 << 64) if half >= _SIGN else half


def confirmation(subscription_id: str) -> streams_pb2.ReadResp:
    return streams_pb2.ReadResp(
        confirmation=streams_pb2.ReadResp.SubscriptionConfirmation(subscription_id=subscription_id)
    )


def checkpoint(commit: int, prepare: int) -> streams_pb2.ReadResp:
    return streams_pb2.ReadResp(
        checkpoint=streams_pb2.ReadResp.Checkpoint(commit_position=commit, prepare_position=prepare)
    )


def caught_up() -> streams_pb2.ReadResp:
    return streams_pb2.ReadResp(caught_up=streams_pb2.ReadResp.CaughtUp())


def fell_behind() -> streams_pb2.ReadResp:
    return streams_pb2.ReadResp(fell_behind=streams_pb2.ReadResp.FellBehind())


def stream_not_found(name: bytes) -> streams_pb2.ReadResp:
    return streams_pb2.ReadResp(
        stream_not_found=streams_pb2.ReadResp.StreamNotFound(
            stream_identifier=shared_pb2.StreamIdentifier(stream_name=name)
        )
    )
