"""BatchAppend: proposals in parts, in-band answers with the correlation id echoed."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from esdbclient.protos.Grpc import code_pb2, shared_pb2, status_pb2, streams_pb2
from google.protobuf import any_pb2, empty_pb2
from google.protobuf.message import Message

from tests.doubles.eventstoredb.encoding import stream_identifier, uuid_of
from tests.doubles.eventstoredb.faults import Faults
from tests.doubles.eventstoredb.record import JSON, Proposed
from tests.doubles.eventstoredb.refusal import dropped
from tests.doubles.eventstoredb.store import (
    ANY,
    EXISTS,
    NO_STREAM,
    Store,
    Tombstoned,
    WrongVersion,
)

Request = streams_pb2.BatchAppendReq
Response = streams_pb2.BatchAppendResp

MAX_APPEND_SIZE = 1024 * 1024


@dataclass(slots=True)
class _Write:
    stream: str
    expected: int
    events: list[Proposed] = field(default_factory=list)
    size: int = 0


class AppendSession:
    """One BatchAppend call: collects the parts of each append until its final one."""

    def __init__(self, store: Store, faults: Faults, max_append_size: int) -> None:
        self._store = store
        self._faults = faults
        self._max = max_append_size
        self._pending: dict[object, _Write] = {}
        self.owes_answers = False
        """An append was not answered: the call cannot end."""
        self.has_ended = False

    def handle(self, request: Request) -> Response | None:
        """The answer to a request, None for a part that is not the last. Raises Refusal."""
        response = self._answer(request)
        if response is not None:
            response.correlation_id.CopyFrom(request.correlation_id)
        return response

    def _answer(self, request: Request) -> Response | None:
        key = uuid_of(request.correlation_id)
        if request.HasField("options"):
            refused = self._open(key, request)
            if refused is not None:
                return refused
        write = self._pending.get(key)
        if write is None:
            return None
        self._add(write, request)
        if write.size > self._max:
            del self._pending[key]
            limit = shared_pb2.MaximumAppendSizeExceeded(maxAppendSize=self._max)
            return _error(write.stream, code_pb2.INVALID_ARGUMENT, limit)
        if not request.is_final:
            return None
        return self._commit(self._pending.pop(key))

    def _open(self, key: object, request: Request) -> Response | None:
        name = request.options.stream_identifier.stream_name.decode()
        if not request.options.HasField("stream_identifier"):
            bad = shared_pb2.BadRequest(message="Required field StreamIdentifier not set.")
            return _error(name, code_pb2.INVALID_ARGUMENT, bad)
        if self._faults.take("access_denied"):
            return _error(name, code_pb2.PERMISSION_DENIED, shared_pb2.AccessDenied())
        if request.options.deadline.ToNanoseconds() <= 0:
            return _error(name, code_pb2.DEADLINE_EXCEEDED, shared_pb2.Timeout())
        self._pending.setdefault(key, _Write(name, expected_of(request.options)))
        return None

    @staticmethod
    def _add(write: _Write, request: Request) -> None:
        for message in request.proposed_messages:
            event = Proposed(
                uuid_of(message.id),
                message.metadata["type"],
                message.metadata["content-type"] or JSON,
                message.data,
                message.custom_metadata,
            )
            write.events.append(event)
            write.size += event.size

    def _commit(self, write: _Write) -> Response | None:
        if self._faults.take("silent_requests"):
            self.owes_answers = True
            return None
        if self._faults.take("busy"):
            return _not_handled(write.stream, "Server Is Busy")
        if self._faults.take("not_ready"):
            return _not_handled(write.stream, "Server Is Not Ready")
        response = self._append(write.stream, write.expected, write.events)
        return self._sent(write.stream, response)

    def _sent(self, name: str, response: Response) -> Response | None:
        """The answer to what is stored by now, if it is to arrive."""
        if self._faults.take("drop_answers"):
            raise dropped(self._faults.drop_status)
        if self._faults.take("append_timeouts"):
            return _error(name, code_pb2.DEADLINE_EXCEEDED, shared_pb2.Timeout())
        self.has_ended = self._faults.take("end_answers")
        is_silent = self._faults.take("silent_answers")
        self.owes_answers |= is_silent
        return None if self.has_ended or is_silent else response

    def _append(self, name: str, expected: int, events: Sequence[Proposed]) -> Response:
        try:
            position, revision = self._store.append(name, expected, events)
        except WrongVersion as wrong:
            details = _wrong_version(wrong.current, expected)
            return _error(name, code_pb2.ALREADY_EXISTS, details)
        except Tombstoned:
            deleted = shared_pb2.StreamDeleted(stream_identifier=stream_identifier(name))
            return _error(name, code_pb2.NOT_FOUND, deleted)
        success = Response.Success(
            current_revision=revision,
            position=shared_pb2.AllStreamPosition(
                commit_position=position, prepare_position=position
            ),
        )
        return Response(stream_identifier=stream_identifier(name), success=success)


def expected_of(options: Request.Options) -> int:
    match options.WhichOneof("expected_stream_position"):
        case "stream_position":
            return options.stream_position
        case "no_stream":
            return NO_STREAM
        case "stream_exists":
            return EXISTS
        case _:
            return ANY


def _wrong_version(current: int, expected: int) -> shared_pb2.WrongExpectedVersion:
    message = shared_pb2.WrongExpectedVersion()
    if current == NO_STREAM:
        message.current_no_stream.SetInParent()
    else:
        message.current_stream_revision = current
    match expected:
        case -1:
            message.expected_no_stream.SetInParent()
        case -2:
            message.expected_any.SetInParent()
        case -4:
            message.expected_stream_exists.SetInParent()
        case _:
            message.expected_stream_position = expected
    return message


def _not_handled(name: str, why: str) -> Response:
    return _error(name, code_pb2.OK, empty_pb2.Empty(), why)


def _error(
    name: str, code: "code_pb2.Code.ValueType", details: Message, text: str = ""
) -> Response:
    packed = any_pb2.Any()
    packed.Pack(details)
    return Response(
        stream_identifier=stream_identifier(name),
        error=status_pb2.Status(code=code, message=text or details.DESCRIPTOR.name, details=packed),
    )
