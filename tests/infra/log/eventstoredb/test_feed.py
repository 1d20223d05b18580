"""What stands between a subscription's receiver and its reader."""

import asyncio
from uuid import UUID

import pytest
from esdbclient.protos.Grpc import shared_pb2, streams_pb2

from domain.log import EVERYTHING, CaughtUp
from infra.log.eventstoredb.feed import Feed
from infra.log.eventstoredb.reader import MAX_PAGE_BYTES

ReadEvent = streams_pb2.ReadResp.ReadEvent


def message(number: int, size: int = 10) -> ReadEvent:
    recorded = ReadEvent.RecordedEvent(
        id=shared_pb2.UUID(string=str(UUID(int=number))),
        stream_identifier=shared_pb2.StreamIdentifier(stream_name=b"order-1"),
        stream_revision=number,
        commit_position=number * 10,
        prepare_position=number * 10,
        metadata={"type": "Happened", "content-type": "application/json", "created": "0"},
        data=b"x" * size,
    )
    return ReadEvent(event=recorded, commit_position=number * 10)


async def page_of(feed: Feed) -> list[int]:
    page = await asyncio.wait_for(feed.take(), 1)
    assert page is not None
    assert not isinstance(page, CaughtUp)
    return [event.id.int for event in page]


async def waits(feed: Feed) -> bool:
    """Whether the receiver has to wait for the reader."""
    room = asyncio.ensure_future(feed.room())
    await asyncio.sleep(0)
    had_to = not room.done()
    room.cancel()
    return had_to


async def test_the_receiver_waits_for_a_slow_reader_by_number() -> None:
    feed = Feed(0, EVERYTHING, page_size=5)
    feed.confirmed()
    for number in range(1, 11):
        assert not await waits(feed)
        feed.put(message(number))
    assert await waits(feed)
    assert await page_of(feed) == [1, 2, 3, 4, 5]
    assert not await waits(feed)


async def test_the_receiver_waits_for_a_slow_reader_by_bytes() -> None:
    feed = Feed(0, EVERYTHING, page_size=1_000)
    feed.confirmed()
    for number in range(1, 5):
        assert not await waits(feed)
        feed.put(message(number, MAX_PAGE_BYTES // 2))
    assert await waits(feed)
    assert await page_of(feed) == [1, 2]
    assert not await waits(feed)


async def test_catching_up_comes_in_whole_pages_and_live_at_once() -> None:
    feed = Feed(0, EVERYTHING, page_size=3)
    feed.confirmed()
    feed.put(message(1))
    feed.put(message(2))
    waiting = asyncio.ensure_future(feed.take())
    await asyncio.sleep(0)
    assert not waiting.done()
    feed.put(message(3))
    assert len((await waiting) or []) == 3  # type: ignore[arg-type]  # it is a page
    feed.put(message(4))
    feed.caught_up()
    assert await page_of(feed) == [4]
    assert await feed.take() == CaughtUp()
    feed.put(message(5))
    assert await page_of(feed) == [5]


async def test_what_was_received_before_is_dropped() -> None:
    feed = Feed(20, EVERYTHING, page_size=9)
    for number in (1, 2, 3, 3, 2, 4):
        feed.put(message(number))
    assert await page_of(feed) == [3, 4]
    assert feed.position == 40


async def test_an_error_comes_after_what_was_received() -> None:
    feed = Feed(0, EVERYTHING, page_size=9)
    feed.confirmed()
    feed.put(message(1))
    feed.end(OSError("gone"))
    assert await page_of(feed) == [1]
    with pytest.raises(OSError, match="gone"):
        await feed.take()
