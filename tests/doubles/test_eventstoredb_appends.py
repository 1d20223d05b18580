"""The double's appends, deletions and leadership, as the client package sees them."""

import asyncio
from itertools import pairwise
from uuid import UUID

import grpc
import pytest
from esdbclient import AsyncEventStoreDBClient, NewEvent, StreamState
from esdbclient.exceptions import (
    AccessDeniedError,
    EventStoreDBClientException,
    MaximumAppendSizeExceededError,
    NodeIsNotLeader,
    NotFound,
    StreamIsDeleted,
    WrongCurrentVersion,
)
from esdbclient.protos.Grpc import shared_pb2, streams_pb2, streams_pb2_grpc
from google.protobuf import duration_pb2, empty_pb2

from tests.doubles.eventstoredb import EventStoreDBDouble
from tests.doubles.eventstoredb.encoding import structured, uuid_of


def event(number: int, data: bytes = b"{}") -> NewEvent:
    return NewEvent(id=UUID(int=number), type="Happened", data=data)


async def names(client: AsyncEventStoreDBClient, stream: str) -> list[int]:
    return [recorded.id.int for recorded in await client.get_stream(stream)]


async def test_1_positions_grow_with_gaps_and_an_append_returns_the_last(
    client: AsyncEventStoreDBClient,
) -> None:
    last = await client.append_to_stream(
        "a-1", current_version=StreamState.NO_STREAM, events=[event(1), event(2), event(3)]
    )
    events = await client.get_stream("a-1")
    positions = [recorded.commit_position or 0 for recorded in events]
    assert [recorded.prepare_position for recorded in events] == positions
    assert all(later - earlier > 1 for earlier, later in pairwise(positions))
    assert last == positions[-1]
    assert [recorded.stream_position for recorded in events] == [0, 1, 2]


async def test_2_a_wrong_version_is_told_in_band_and_nothing_is_written(
    client: AsyncEventStoreDBClient,
) -> None:
    await client.append_to_stream("a-1", current_version=StreamState.NO_STREAM, events=event(1))
    with pytest.raises(WrongCurrentVersion, match="last event is 0 not 5"):
        await client.append_to_stream("a-1", current_version=5, events=[event(2), event(3)])
    with pytest.raises(WrongCurrentVersion, match="does not exist"):
        await client.append_to_stream("a-2", current_version=0, events=event(2))
    assert await names(client, "a-1") == [1]


async def test_2_an_append_over_the_limit_is_refused_whole(
    client: AsyncEventStoreDBClient,
) -> None:
    events = [event(1), event(2, b'"' + b"x" * 1024 * 1024 + b'"')]
    with pytest.raises(MaximumAppendSizeExceededError, match="1048576"):
        await client.append_to_stream("a-1", current_version=StreamState.ANY, events=events)
    with pytest.raises(NotFound):
        await client.get_stream("a-1")


async def test_2_access_denied_and_busy_are_in_band(
    double: EventStoreDBDouble, client: AsyncEventStoreDBClient
) -> None:
    double.faults.access_denied = 1
    with pytest.raises(AccessDeniedError):
        await client.append_to_stream("a-1", current_version=StreamState.ANY, events=event(1))
    double.faults.busy = 1
    with pytest.raises(EventStoreDBClientException) as busy:
        await client.append_to_stream("a-1", current_version=StreamState.ANY, events=event(1))
    assert busy.value.args[0].Is(empty_pb2.Empty.DESCRIPTOR)
    assert double.calls["BatchAppend"] == 2


async def test_2_the_correlation_id_is_echoed_and_an_append_may_come_in_parts(
    double: EventStoreDBDouble,
) -> None:
    correlation_id = structured(UUID(int=2**127 + 5))
    options = streams_pb2.BatchAppendReq.Options(
        stream_identifier=shared_pb2.StreamIdentifier(stream_name=b"a-1"),
        any=empty_pb2.Empty(),
        deadline=duration_pb2.Duration(seconds=5),
    )
    first = streams_pb2.BatchAppendReq(
        correlation_id=correlation_id, options=options, proposed_messages=[proposed(1)]
    )
    second = streams_pb2.BatchAppendReq(
        correlation_id=correlation_id, proposed_messages=[proposed(2)], is_final=True
    )
    async with grpc.aio.insecure_channel(f"127.0.0.1:{double.ports[0]}") as channel:
        stub = streams_pb2_grpc.StreamsStub(channel)  # type: ignore[no-untyped-call]  # generated
        call = stub.BatchAppend()
        await call.write(first)
        await call.write(second)
        answer = await call.read()
        call.cancel()
    assert answer.success.current_revision == 1
    assert answer.correlation_id == correlation_id
    assert uuid_of(answer.correlation_id) == UUID(int=2**127 + 5)


def proposed(number: int) -> streams_pb2.BatchAppendReq.ProposedMessage:
    return streams_pb2.BatchAppendReq.ProposedMessage(
        id=shared_pb2.UUID(string=str(UUID(int=number))),
        metadata={"type": "Happened", "content-type": "application/json"},
        data=b"{}",
    )


async def test_3_the_same_ids_at_the_same_version_are_the_same_append(
    client: AsyncEventStoreDBClient,
) -> None:
    events = [event(1), event(2)]
    first = await client.append_to_stream(
        "a-1", current_version=StreamState.NO_STREAM, events=events
    )
    await client.append_to_stream("a-1", current_version=1, events=event(3))
    again = await client.append_to_stream(
        "a-1", current_version=StreamState.NO_STREAM, events=events
    )
    anywhere = await client.append_to_stream("a-1", current_version=StreamState.ANY, events=events)
    assert first == again == anywhere
    assert await names(client, "a-1") == [1, 2, 3]


@pytest.mark.parametrize("ids", [[1, 9], [9, 2], [1, 2, 9], [2]])
async def test_3_a_partial_match_is_a_wrong_version(
    client: AsyncEventStoreDBClient, ids: list[int]
) -> None:
    stored = [event(1), event(2)]
    await client.append_to_stream("a-1", current_version=StreamState.NO_STREAM, events=stored)
    with pytest.raises(WrongCurrentVersion):
        await client.append_to_stream(
            "a-1", current_version=StreamState.NO_STREAM, events=[event(number) for number in ids]
        )
    assert await names(client, "a-1") == [1, 2]


async def test_3_an_empty_append_succeeds_only_at_the_right_version(
    client: AsyncEventStoreDBClient,
) -> None:
    await client.append_to_stream("a-1", current_version=StreamState.NO_STREAM, events=event(1))
    await client.append_to_stream("a-1", current_version=0, events=[])
    with pytest.raises(WrongCurrentVersion):
        await client.append_to_stream("a-1", current_version=StreamState.NO_STREAM, events=[])
    assert await names(client, "a-1") == [1]


async def test_4_only_the_leader_takes_appends_and_the_others_say_where_it_is() -> None:
    async with EventStoreDBDouble(nodes=2) as double:
        follower = AsyncEventStoreDBClient(f"esdb://127.0.0.1:{double.ports[1]}?Tls=false")
        await follower.connect()
        with pytest.raises(NodeIsNotLeader) as refused:
            await follower.append_to_stream("a-1", current_version=StreamState.ANY, events=event(1))
        await follower.close()
        assert refused.value.leader_grpc_target == f"127.0.0.1:{double.ports[0]}"


async def test_4_a_client_that_knows_the_cluster_follows_the_leader() -> None:
    async with EventStoreDBDouble(nodes=3) as double:
        client = AsyncEventStoreDBClient(double.uri)
        await client.connect()
        double.change_leader(2)
        await client.append_to_stream("a-1", current_version=StreamState.ANY, events=event(1))
        assert client.connection_target == f"127.0.0.1:{double.ports[2]}"
        await client.close()


async def test_4_reads_are_taken_by_any_node_unless_they_require_the_leader() -> None:
    async with EventStoreDBDouble(nodes=2) as double:
        target = f"esdb://127.0.0.1:{double.ports[1]}?Tls=false"
        strict = AsyncEventStoreDBClient(target)
        await strict.connect()
        with pytest.raises(NodeIsNotLeader):
            await strict.get_stream("a-1")
        await strict.close()
        lax = AsyncEventStoreDBClient(f"{target}&NodePreference=follower")
        await lax.connect()
        with pytest.raises(NotFound):
            await lax.get_stream("a-1")
        await lax.close()


async def test_5_deletions_at_a_wrong_version_name_the_actual_one(
    client: AsyncEventStoreDBClient,
) -> None:
    await client.append_to_stream("a-1", current_version=StreamState.NO_STREAM, events=event(1))
    for remove in (client.delete_stream, client.tombstone_stream):
        with pytest.raises(WrongCurrentVersion, match="Actual version: 0"):
            await remove("a-1", current_version=7)
        with pytest.raises(NotFound):
            await remove("a-2", current_version=StreamState.EXISTS)


async def test_6_a_missing_stream_and_a_tombstoned_one(client: AsyncEventStoreDBClient) -> None:
    with pytest.raises(NotFound):
        await client.get_stream("a-1")
    await client.append_to_stream("a-1", current_version=StreamState.NO_STREAM, events=event(1))
    await client.tombstone_stream("a-1", current_version=0)
    with pytest.raises(StreamIsDeleted):
        await client.get_stream("a-1")
    with pytest.raises(StreamIsDeleted):
        await client.append_to_stream("a-1", current_version=0, events=event(2))
    with pytest.raises(StreamIsDeleted):
        await client.delete_stream("a-1", current_version=StreamState.ANY)


async def test_7_after_a_soft_delete_the_numbering_goes_on(
    client: AsyncEventStoreDBClient,
) -> None:
    await client.append_to_stream(
        "a-1", current_version=StreamState.NO_STREAM, events=[event(1), event(2)]
    )
    await client.delete_stream("a-1", current_version=1)
    with pytest.raises(NotFound):
        await client.get_stream("a-1")
    metadata, _ = await client.get_stream_metadata("a-1")
    assert metadata == {"$tb": 2**63 - 1}
    await client.append_to_stream("a-1", current_version=StreamState.NO_STREAM, events=event(3))
    assert [(e.id.int, e.stream_position) for e in await client.get_stream("a-1")] == [(3, 2)]
    kept = [e.id.int async for e in await client.read_all()]
    assert kept == [1, 2, 3]


@pytest.mark.parametrize(
    ("metadata", "visible"),
    [({"$maxCount": 2}, [3, 4]), ({"$tb": 1}, [2, 3, 4]), ({"$maxAge": 0}, []), ({}, [1, 2, 3, 4])],
)
async def test_7_metadata_hides_events_from_stream_reads_but_not_from_all(
    client: AsyncEventStoreDBClient, metadata: dict[str, int], visible: list[int]
) -> None:
    await client.append_to_stream(
        "a-1", current_version=StreamState.NO_STREAM, events=[event(n) for n in (1, 2, 3, 4)]
    )
    await client.set_stream_metadata("a-1", metadata=metadata)
    await asyncio.sleep(0.001)  # $maxAge counts from the server's clock
    assert await names(client, "a-1") == visible
    assert [e.id.int async for e in await client.read_all()] == [1, 2, 3, 4]
