"""Events to append, and ways to gather what a log gives back."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from itertools import count
from uuid import NAMESPACE_OID, UUID, uuid5

from domain.log import CaughtUp, EventLog, NewEvent, RecordedEvent

PATIENCE_SECONDS = 30.0
"""Far beyond what anything here takes: a test that gets there hangs."""

_numbers = count(1)


def new_event(
    type_: str = "OrderPlaced", data: bytes = b'{"quantity":"0.5"}', metadata: bytes = b"{}"
) -> NewEvent:
    """An event that differs from every other in its id."""
    return NewEvent(event_id(next(_numbers)), type_, data, metadata)


def new_events(number: int, type_: str = "OrderPlaced") -> list[NewEvent]:
    return [new_event(type_) for _ in range(number)]


def event_id(number: int) -> UUID:
    return uuid5(NAMESPACE_OID, str(number))


async def append_each(log: EventLog, stream: str, events: Sequence[NewEvent]) -> list[int]:
    """One append an event, to a stream that does not exist yet. The positions."""
    return [
        (await log.append(stream, [event], expected_version=version)).position
        for version, event in enumerate(events)
    ]


async def all_of(pages: AsyncGenerator[Sequence[RecordedEvent]]) -> list[RecordedEvent]:
    """The events of a read that ends."""
    async with asyncio.timeout(PATIENCE_SECONDS), aclosing(pages):
        return [event async for page in pages for event in page]


async def ids_of(pages: AsyncGenerator[Sequence[RecordedEvent]]) -> list[UUID]:
    return [event.id for event in await all_of(pages)]


async def until_caught_up(
    subscription: AsyncIterator[Sequence[RecordedEvent] | CaughtUp],
) -> list[RecordedEvent]:
    """What a subscription delivers before its next CaughtUp."""
    events: list[RecordedEvent] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for news in subscription:
            if isinstance(news, CaughtUp):
                return events
            assert news, "an empty page"
            events += news
    raise AssertionError("the subscription ended")


async def take(
    subscription: AsyncIterator[Sequence[RecordedEvent] | CaughtUp], number: int
) -> list[RecordedEvent]:
    """The next events of a subscription, whole pages, at least as many as asked for."""
    events: list[RecordedEvent] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(events) < number:
            news = await anext(subscription)
            if not isinstance(news, CaughtUp):
                assert news, "an empty page"
                events += news
    return events
