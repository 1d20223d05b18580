"""What the server's in-band answer to an append means."""

from esdbclient.protos.Grpc import shared_pb2, streams_pb2

from domain.log import (
    MAX_EVENT_BYTES,
    Appended,
    EventTooLarge,
    LogError,
    LogFailed,
    WrongExpectedVersion,
)
from infra.log.eventstoredb.failures import Lost

Answer = streams_pb2.BatchAppendResp

_FINAL_REFUSALS = (
    shared_pb2.AccessDenied,
    shared_pb2.StreamDeleted,
    shared_pb2.InvalidTransaction,
    shared_pb2.BadRequest,
)


def appended(answer: Answer, stream: str, expected: int, size: int) -> Appended:
    """Where the append stands.

    Raises WrongExpectedVersion, EventTooLarge and LogFailed for a refusal; Lost where the server
    is busy, timed out or does not know: then the same append must be tried again.
    """
    if answer.WhichOneof("result") == "success":
        success = answer.success
        return Appended(success.position.commit_position, success.current_revision + 1)
    raise _refusal(answer, stream, expected, size)


def _refusal(answer: Answer, stream: str, expected: int, size: int) -> LogError | Lost:
    details = answer.error.details
    wrong = shared_pb2.WrongExpectedVersion()
    if details.Unpack(wrong):
        return WrongExpectedVersion(stream, expected, _actual(wrong))
    if details.Is(shared_pb2.MaximumAppendSizeExceeded.DESCRIPTOR):
        return EventTooLarge(max(size, MAX_EVENT_BYTES + 1))
    for kind in _FINAL_REFUSALS:
        if details.Is(kind.DESCRIPTOR):
            return LogFailed(f"append to {stream}: EventStoreDB answered {kind.DESCRIPTOR.name}")
    return Lost(answer.error.message or "the server does not know")


def _actual(wrong: shared_pb2.WrongExpectedVersion) -> int | None:
    match wrong.WhichOneof("current_stream_revision_option"):
        case "current_stream_revision":
            return wrong.current_stream_revision + 1
        case "current_no_stream":
            return 0
        case _:
            return None
