"""Reads that end: of one stream or of all, forwards or backwards."""

from collections.abc import Iterator, Sequence
from itertools import islice

from esdbclient.protos.Grpc import streams_pb2

from tests.doubles.eventstoredb import encoding, refusal
from tests.doubles.eventstoredb.encoding import Encoding
from tests.doubles.eventstoredb.filters import everything, filter_of
from tests.doubles.eventstoredb.record import DELETED_REVISION, Record
from tests.doubles.eventstoredb.store import Store, Tombstoned

Options = streams_pb2.ReadReq.Options
Response = streams_pb2.ReadResp


def read(store: Store, options: Options) -> Iterator[Response]:
    """Messages of a read with a count. Raises Refusal."""
    encode = Encoding(
        store, options.resolve_links, options.uuid_option.WhichOneof("content") == "structured"
    )
    if options.WhichOneof("stream_option") == "all":
        return map(encode.event, islice(_all(store, options), options.count))
    return _stream(store, options, encode)


def _stream(store: Store, options: Options, encode: Encoding) -> Iterator[Response]:
    if options.WhichOneof("filter_option") == "filter":
        raise refusal.invalid_combination()
    name = options.stream.stream_identifier.stream_name
    try:
        records = store.stream(name.decode())
    except Tombstoned:
        raise refusal.stream_deleted(name.decode()) from None
    if records is None:
        return iter((encoding.stream_not_found(name),))
    return map(encode.event, islice(_part(records, options), options.count))


def _part(records: Sequence[Record], options: Options) -> Iterator[Record]:
    """Inclusive in both directions."""
    revision = _revision(options)
    offset = records[0].revision if records else 0
    if options.read_direction == Options.Forwards:
        return islice(records, max(0, revision - offset), None)
    return reversed(records[: max(0, revision - offset + 1)])


def _revision(options: Options) -> int:
    match options.stream.WhichOneof("revision_option"):
        case "revision":
            return options.stream.revision
        case "end":
            return DELETED_REVISION
        case _:
            return 0


def _all(store: Store, options: Options) -> Iterator[Record]:
    """Forwards inclusive, backwards exclusive."""
    filtered = options.WhichOneof("filter_option") == "filter"
    wanted = filter_of(options.filter) if filtered else everything
    index = store.index_from(position_of(store, options))
    if options.read_direction == Options.Forwards:
        return filter(wanted, islice(store.records, index, len(store.records)))
    return filter(wanted, (store.records[i] for i in range(index - 1, -1, -1)))


def position_of(store: Store, options: Options) -> int:
    """Where to start in the log. Raises Refusal for what is no position of an event."""
    match options.all.WhichOneof("all_option"):
        case "position":
            commit = options.all.position.commit_position
            if commit < options.all.position.prepare_position or not store.is_position(commit):
                raise refusal.invalid_position()
            return commit
        case "end":
            return store.end
        case _:
            return 0
