"""Where a log passes a bound that its events grow beyond: an instant, or a position."""

from collections.abc import Callable, Sequence
from contextlib import aclosing

import msgspec

from domain.log import START, EventLog, RecordedEvent

PAGE = 500

IsBeyond = Callable[[RecordedEvent], bool]


class Passage(msgspec.Struct, frozen=True):
    """``position`` is of an event that is not beyond the bound and before one that is, or START or
    the head. There is one such place, unless events go back behind the bound.

    ``looked_at`` are the events that the search came by.
    """

    position: int
    looked_at: Sequence[RecordedEvent]


async def find_passage(log: EventLog, head: int, is_beyond: IsBeyond) -> Passage:
    """In some dozens of reads. Raises what the log raises.

    A log whose positions count its events can be read from anywhere. Other positions are offsets
    into files, as EventStoreDB's: only those of events can be read from.
    """
    first = await _first_after(log, START, head)
    if first is None:
        return Passage(START, ())
    if first.position == START + 1:
        return await _by_halves(log, head, is_beyond)
    return await _along_streams(log, is_beyond)


async def _by_halves(log: EventLog, head: int, is_beyond: IsBeyond) -> Passage:
    looked_at: list[RecordedEvent] = []
    low, high = START, head
    while low < high:
        middle = (low + high) // 2
        event = await _first_after(log, middle, head)
        if event is None or is_beyond(event):
            high = middle
        else:
            low = event.position
        if event is not None:
            looked_at.append(event)
    return Passage(low, looked_at)


async def _along_streams(log: EventLog, is_beyond: IsBeyond) -> Passage:
    """Back from the head by pages, and between pages as far back as a long stream leads: a stream
    can be read from any of its versions. Only a log of short streams is read all the way."""
    looked_at: list[RecordedEvent] = []
    until = None
    while True:
        page = await last_events(log, until, PAGE)
        for event in reversed(page):
            if not is_beyond(event):
                return Passage(event.position, looked_at)
        if len(page) < PAGE:
            return Passage(START, looked_at)
        longest = max(page, key=lambda event: event.version)
        first = await _first_beyond(log, longest, is_beyond)
        looked_at += (first, page[0])
        until = min(first.position, page[0].position)


async def _first_beyond(log: EventLog, event: RecordedEvent, is_beyond: IsBeyond) -> RecordedEvent:
    """Of the stream of an event that is beyond."""
    low, high = 0, event.version
    while high - low > 1:
        middle = (low + high) // 2
        earlier = await _at_version(log, event.stream, middle)
        if earlier is None:
            return event
        if is_beyond(earlier):
            high, event = middle, earlier
        else:
            low = middle
    return event


async def last_events(log: EventLog, until: int | None, most: int) -> Sequence[RecordedEvent]:
    """The last events up to a position (inclusive) or the head, up to so many, in the log's order.

    Raises LogFailed where some logs have no event at that position.
    """
    last: list[RecordedEvent] = []
    async with aclosing(log.read_back(until=until, page_size=most)) as pages:
        async for page in pages:
            last += page
            if len(last) >= most:
                break
    return last[:most][::-1]


async def _first_after(log: EventLog, position: int, head: int) -> RecordedEvent | None:
    async with aclosing(log.read_all(after=position, until=head, page_size=1)) as pages:
        async for page in pages:
            return page[0]
    return None


async def _at_version(log: EventLog, stream: str, version: int) -> RecordedEvent | None:
    """Or the next one there is."""
    async with aclosing(log.read_stream(stream, after_version=version - 1, page_size=1)) as pages:
        async for page in pages:
            return page[0]
    return None
