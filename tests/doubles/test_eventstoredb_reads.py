"""The double's reads: directions, filters, links, and what an event carries."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from esdbclient import AsyncEventStoreDBClient, NewEvent, StreamState
from esdbclient.exceptions import GrpcError

from tests.doubles.eventstoredb import EventStoreDBDouble, Store


def event(number: int, kind: str = "Happened", data: bytes = b"{}") -> NewEvent:
    return NewEvent(id=UUID(int=number), type=kind, data=data)


async def fill(client: AsyncEventStoreDBClient) -> list[int]:
    """Events 1 to 4 in two streams; their positions."""
    return [
        await client.append_to_stream(
            f"{'order' if number % 2 else 'account'}-{number}",
            current_version=StreamState.NO_STREAM,
            events=event(number, "Placed" if number < 3 else "Filled"),
        )
        for number in (1, 2, 3, 4)
    ]


async def test_8_all_is_inclusive_forwards_and_exclusive_backwards(
    client: AsyncEventStoreDBClient,
) -> None:
    positions = await fill(client)
    forwards = await client.read_all(commit_position=positions[1])
    backwards = await client.read_all(commit_position=positions[1], backwards=True)
    assert [e.id.int async for e in forwards] == [2, 3, 4]
    assert [e.id.int async for e in backwards] == [1]
    last = await client.read_all(backwards=True, limit=1)
    assert [e.id.int async for e in last] == [4]


async def test_8_stream_reads_are_inclusive(client: AsyncEventStoreDBClient) -> None:
    events = [event(number) for number in (1, 2, 3)]
    await client.append_to_stream("a-1", current_version=StreamState.NO_STREAM, events=events)
    forwards = await client.get_stream("a-1", stream_position=1)
    backwards = await client.get_stream("a-1", stream_position=1, backwards=True)
    assert [e.id.int for e in forwards] == [2, 3]
    assert [e.id.int for e in backwards] == [2, 1]
    assert await client.get_stream("a-1", stream_position=9) == ()
    assert [e.id.int for e in await client.get_stream("a-1", backwards=True, limit=2)] == [3, 2]


async def test_8_an_invalid_position_is_an_invalid_argument(
    client: AsyncEventStoreDBClient,
) -> None:
    positions = await fill(client)
    with pytest.raises(GrpcError, match="INVALID_ARGUMENT"):
        [e async for e in await client.read_all(commit_position=positions[1] + 1)]


@pytest.mark.parametrize(
    ("include", "by_stream", "found"),
    [
        ("Placed", False, [1, 2]),
        (("Placed", "Filled"), False, [1, 2, 3, 4]),
        ("order-.*", True, [1, 3]),
        ("(?:order|account)-[12]", True, [1, 2]),
    ],
)
async def test_9_filters_by_type_and_by_stream(
    client: AsyncEventStoreDBClient,
    include: str | tuple[str, ...],
    by_stream: bool,
    found: list[int],
) -> None:
    await fill(client)
    events = await client.read_all(filter_include=include, filter_by_stream_name=by_stream)
    assert [e.id.int async for e in events] == found


async def test_9_filters_are_not_anchored(client: AsyncEventStoreDBClient) -> None:
    await fill(client)
    # The client makes ^Place|ille$ of these two: each is anchored at one side only.
    events = await client.read_all(filter_include=("Place", "ille.*"))
    assert [e.id.int async for e in events] == [1, 2, 3, 4]


async def test_9_all_shows_system_events(client: AsyncEventStoreDBClient) -> None:
    await client.append_to_stream("a-1", current_version=StreamState.NO_STREAM, events=event(1))
    await client.set_stream_metadata("a-1", metadata={"$maxCount": 5})
    everything = [e.type async for e in await client.read_all(filter_exclude=())]
    ours = [e.type async for e in await client.read_all()]
    assert everything == ["Happened", "$metadata"]
    assert ours == ["Happened"]


async def test_13_links_resolve_to_their_target(client: AsyncEventStoreDBClient) -> None:
    await client.append_to_stream("a-1", current_version=StreamState.NO_STREAM, events=event(1))
    link = event(2, "$>", b"0@a-1")
    await client.append_to_stream("list-1", current_version=StreamState.NO_STREAM, events=link)
    [plain] = await client.get_stream("list-1")
    assert (plain.type, plain.link) == ("$>", None)
    [resolved] = await client.get_stream("list-1", resolve_links=True)
    assert resolved.id.int == 1
    assert resolved.stream_name == "a-1"
    assert resolved.link is not None
    assert resolved.link.id.int == 2


async def test_13_a_link_to_nothing_vanishes_in_the_client(
    client: AsyncEventStoreDBClient,
) -> None:
    link = event(2, "$>", b"0@gone-1")
    await client.append_to_stream("list-1", current_version=StreamState.NO_STREAM, events=link)
    assert await client.get_stream("list-1", resolve_links=True) == ()


async def test_14_events_carry_type_content_type_and_creation_in_ticks() -> None:
    instant = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
    ticks = (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 10
    async with EventStoreDBDouble(store=Store(clock=lambda: ticks)) as double:
        client = AsyncEventStoreDBClient(double.uri)
        await client.connect()
        new = NewEvent(
            type="Zahlung-€",
            data='{"währung": "€"}'.encode(),
            metadata=b'{"who": 1}',
            content_type="application/octet-stream",
        )
        await client.append_to_stream("a-1", current_version=StreamState.NO_STREAM, events=new)
        [stored] = await client.get_stream("a-1")
        await client.close()
    assert stored.recorded_at is not None
    assert abs(stored.recorded_at - instant) <= timedelta(microseconds=1)  # the client's floats
    assert (stored.type, stored.data, stored.metadata) == (new.type, new.data, new.metadata)
    assert stored.content_type == "application/octet-stream"
