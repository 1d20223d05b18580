"""The double's subscriptions: the server's order of messages, and slow readers."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest
from esdbclient import AsyncEventStoreDBClient, NewEvent, StreamState
from esdbclient.common import AbstractAsyncCatchupSubscription
from esdbclient.exceptions import GrpcError, ServiceUnavailable, StreamIsDeleted

from tests.doubles.eventstoredb import EventStoreDBDouble


def event(number: int, kind: str = "Happened") -> NewEvent:
    return NewEvent(id=UUID(int=number), type=kind, data=b"{}")


async def append(client: AsyncEventStoreDBClient, stream: str, *numbers: int) -> int:
    events = [event(number) for number in numbers]
    return await client.append_to_stream(stream, current_version=StreamState.ANY, events=events)


async def take(subscription: AbstractAsyncCatchupSubscription, count: int) -> Sequence[int | str]:
    """Ids of events, and the names of other messages."""
    seen: list[int | str] = []
    async with asyncio.timeout(10):
        async for message in subscription:
            other = message.is_checkpoint or message.is_caught_up
            seen.append(type(message).__name__ if other else message.id.int)
            if len(seen) == count:
                return seen
    return seen


async def test_8_subscriptions_are_exclusive(client: AsyncEventStoreDBClient) -> None:
    first = await append(client, "a-1", 1)
    await append(client, "a-1", 2, 3)
    from_all = await client.subscribe_to_all(commit_position=first)
    from_stream = await client.subscribe_to_stream("a-1", stream_position=1)
    assert await take(from_all, 2) == [2, 3]
    assert await take(from_stream, 1) == [3]
    await from_all.stop()
    await from_stream.stop()


async def test_10_catch_up_then_checkpoint_then_caught_up_then_live(
    client: AsyncEventStoreDBClient,
) -> None:
    await append(client, "a-1", 1, 2)
    subscription = await client.subscribe_to_all(include_checkpoints=True, include_caught_up=True)
    assert subscription.subscription_id
    assert await take(subscription, 4) == [1, 2, "Checkpoint", "CaughtUp"]
    await append(client, "a-1", 3)
    assert await take(subscription, 1) == [3]
    await subscription.stop()


async def test_10_there_are_no_checkpoints_without_a_filter(
    client: AsyncEventStoreDBClient,
) -> None:
    await append(client, "a-1", 1)
    subscription = await client.subscribe_to_all(
        filter_exclude=(), include_checkpoints=True, include_caught_up=True
    )
    assert await take(subscription, 2) == [1, "CaughtUp"]
    await subscription.stop()


async def test_10_from_the_end_there_is_only_caught_up(client: AsyncEventStoreDBClient) -> None:
    await append(client, "a-1", 1)
    subscription = await client.subscribe_to_all(
        from_end=True, include_checkpoints=True, include_caught_up=True
    )
    assert await take(subscription, 1) == ["CaughtUp"]
    await append(client, "a-1", 2)
    assert await take(subscription, 1) == [2]
    await subscription.stop()


async def test_10_checkpoints_come_for_events_that_do_not_match(
    client: AsyncEventStoreDBClient,
) -> None:
    subscription = await client.subscribe_to_all(
        filter_include="Rare",
        include_checkpoints=True,
        include_caught_up=True,
        window_size=2,
        checkpoint_interval_multiplier=2,
    )
    assert await take(subscription, 1) == ["CaughtUp"]
    await append(client, "a-1", *range(1, 9))
    assert await take(subscription, 2) == ["Checkpoint", "Checkpoint"]
    await subscription.stop()


async def test_11_a_slow_reader_falls_back_and_loses_nothing(
    double: EventStoreDBDouble, client: AsyncEventStoreDBClient
) -> None:
    subscription = await client.subscribe_to_all(include_caught_up=True, include_checkpoints=True)
    assert await take(subscription, 1) == ["CaughtUp"]
    double.faults.reader_keeps_up.clear()
    for number in range(1, 201):
        await append(client, f"a-{number % 7}", number)
    double.faults.reader_keeps_up.set()
    seen: list[int | str] = []
    while "CaughtUp" not in seen:
        seen += await take(subscription, 1)
    assert [message for message in seen if isinstance(message, int)] == list(range(1, 201))
    assert seen[:2] == [1, "Checkpoint"]
    assert seen[-2:] == ["Checkpoint", "CaughtUp"]
    await subscription.stop()


async def test_12_a_missing_stream_can_be_subscribed_to(client: AsyncEventStoreDBClient) -> None:
    subscription = await client.subscribe_to_stream("a-1", include_caught_up=True)
    assert await take(subscription, 1) == ["CaughtUp"]
    await append(client, "a-1", 1)
    assert await take(subscription, 1) == [1]
    await subscription.stop()


async def test_12_a_tombstone_is_delivered_and_ends_the_subscription(
    client: AsyncEventStoreDBClient,
) -> None:
    await append(client, "a-1", 1)
    subscription = await client.subscribe_to_stream("a-1", include_caught_up=True)
    assert await take(subscription, 2) == [1, "CaughtUp"]
    await client.tombstone_stream("a-1", current_version=0)
    tombstone = await anext(subscription)
    assert tombstone.type == "$streamDeleted"
    with pytest.raises(StreamIsDeleted):
        await anext(subscription)


async def test_15_a_read_drops_after_some_messages(
    double: EventStoreDBDouble, client: AsyncEventStoreDBClient
) -> None:
    await append(client, "a-1", 1, 2, 3)
    double.faults.drop_reads_after = 2
    events = await client.read_all()
    assert [(await anext(events)).id.int for _ in range(2)] == [1, 2]
    with pytest.raises(ServiceUnavailable):
        await anext(events)


async def test_15_an_append_is_committed_and_its_answer_dropped(
    double: EventStoreDBDouble, client: AsyncEventStoreDBClient
) -> None:
    double.faults.drop_answers = 1
    position = await append(client, "a-1", 1)  # the client tries again by itself
    assert [record.position for record in double.store.records] == [position]
    assert double.calls["BatchAppend"] == 2


async def test_15_unavailable_is_retried_by_the_client_and_then_raised(
    double: EventStoreDBDouble, client: AsyncEventStoreDBClient
) -> None:
    double.faults.unavailable = 4
    with pytest.raises(ServiceUnavailable):
        await append(client, "a-1", 1)
    assert double.store.records == []
    await append(client, "a-1", 1)


async def test_15_a_silent_server_runs_into_the_deadline(
    double: EventStoreDBDouble, client: AsyncEventStoreDBClient
) -> None:
    double.faults.silent_requests = 2
    with pytest.raises(GrpcError):
        await client.append_to_stream(
            "a-1", current_version=StreamState.ANY, events=event(1), timeout=0.1
        )
    assert double.store.records == []


async def test_15_the_checkpoint_bug_names_a_commit_ahead_of_its_prepare(
    double: EventStoreDBDouble, client: AsyncEventStoreDBClient
) -> None:
    await append(client, "a-1", 1)
    double.faults.unsafe_checkpoints = True
    subscription = await client.subscribe_to_all(include_checkpoints=True)
    assert (await anext(subscription)).id.int == 1
    checkpoint = await anext(subscription)
    assert checkpoint.is_checkpoint
    assert (checkpoint.commit_position or 0) > (checkpoint.prepare_position or 0)
    await subscription.stop()


async def test_state_outlives_a_restart(
    double: EventStoreDBDouble, client: AsyncEventStoreDBClient
) -> None:
    await append(client, "a-1", 1)
    await double.stop()
    await double.start()
    assert [e.id.int for e in await client.get_stream("a-1")] == [1]
