"""Reading ahead: one page in the caller's hands, one on its way, no more."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import pytest

from domain.log import RecordedEvent
from infra.log.postgres.pages import Page, read_ahead

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Source:
    """Pages of two events; every fetch waits to be let through."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.cancelled: list[int] = []
        self.open = asyncio.Event()
        self.open.set()

    async def fetch(self, cursor: int) -> Page:
        self.asked.append(cursor)
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.cancelled.append(cursor)
            raise
        return [event(cursor + 1), event(cursor + 2)]


def event(position: int) -> RecordedEvent:
    return RecordedEvent(UUID(int=position), "A", b"{}", b"{}", "a-1", position, position, NOW)


def position(recorded: RecordedEvent) -> int:
    return recorded.position


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_the_next_page_is_on_its_way_while_the_caller_works() -> None:
    source = Source()
    pages = read_ahead(source.fetch, position, 0, 100)
    await anext(pages)
    await settle()
    assert source.asked == [0, 2]
    await anext(pages)
    await settle()
    assert source.asked == [0, 2, 4]
    await pages.aclose()


async def test_nothing_is_fetched_beyond_the_end() -> None:
    source = Source()
    pages = [page async for page in read_ahead(source.fetch, position, 0, 4)]
    assert [position(page[-1]) for page in pages] == [2, 4]
    assert source.asked == [0, 2]


async def test_closing_takes_back_what_is_on_its_way() -> None:
    source = Source()
    pages = read_ahead(source.fetch, position, 0, 100)
    await anext(pages)
    source.open.clear()
    await settle()
    await pages.aclose()
    assert source.cancelled == [2]


async def test_cancelling_takes_back_what_is_on_its_way() -> None:
    source = Source()
    source.open.clear()
    task = asyncio.ensure_future(anext(read_ahead(source.fetch, position, 0, 100)))
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert source.cancelled == [0]


async def test_a_failure_of_the_page_ahead_comes_when_its_turn_comes() -> None:
    async def fetch(cursor: int) -> Page:
        if cursor:
            raise ConnectionError
        return [event(1)]

    pages = read_ahead(fetch, position, 0, 100)
    assert len(await anext(pages)) == 1
    await settle()
    with pytest.raises(ConnectionError):
        await anext(pages)
