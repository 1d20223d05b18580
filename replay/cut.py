"""A cut: the position of the log up to which the past is looked at."""

import re
from collections.abc import Callable, Sequence
from contextlib import aclosing
from datetime import datetime
from itertools import pairwise

import msgspec

from domain.errors import InvalidInput
from domain.event import format_time
from domain.log import START, EventLog, LogFailed, RecordedEvent
from replay.instant import parse_instant

AROUND = 500
"""Events on either side of a cut among which recorded times are looked at."""

MAX_DIGITS = 19
"""Of a position: a log keeps them in 63 bits."""

_POSITION = re.compile(r"\d+", re.ASCII)


class Cut(msgspec.Struct, frozen=True):
    """Everything up to ``position``, inclusive. ``asked_for`` is what it was resolved from.

    ``recorded_at`` is when the log recorded the event there; ``out_of_order`` whether times go back
    anywhere around it, so that an instant alone does not say what had been recorded by then.
    """

    position: int
    asked_for: str
    recorded_at: datetime
    out_of_order: bool


def parse_as_of(text: str) -> int | datetime:
    """A position or an instant. Raises InvalidInput: ``beyond_the_head`` for a position that no log
    can have, and as ``parse_instant``."""
    if not _POSITION.fullmatch(text):
        return parse_instant(text)
    digits = text.lstrip("0") or "0"
    if len(digits) > MAX_DIGITS:
        message = f"a position of {len(digits)} digits is beyond the head of any log"
        raise InvalidInput("beyond_the_head", message, "as_of")
    return int(digits)


async def resolve(log: EventLog, text: str, now: datetime) -> Cut:
    """The cut at a position, or at the last position recorded at or before an RFC 3339 instant.

    Raises InvalidInput: as ``parse_as_of``, ``in_the_future``, ``before_the_first_event``,
    ``beyond_the_head``, ``no_such_position``; and what the log raises.
    """
    asked = parse_as_of(text)
    if isinstance(asked, int):
        event, around = await _at_position(log, asked)
    else:
        event, around = await _at_instant(log, asked, now)
    went_back = any(later.recorded_at < earlier.recorded_at for earlier, later in pairwise(around))
    return Cut(event.position, text, event.recorded_at, went_back)


async def position_of(log: EventLog, text: str, now: datetime) -> int:
    """The position of the cut alone: for who has no use for what is around it. Raises as
    ``resolve``."""
    asked = parse_as_of(text)
    if isinstance(asked, int):
        await _events_to(log, asked, await log.head(), 1)
        return asked
    event, _ = await _at_instant(log, asked, now)
    return event.position


async def _at_position(
    log: EventLog, position: int
) -> tuple[RecordedEvent, Sequence[RecordedEvent]]:
    head = await log.head()
    before = await _events_to(log, position, head, AROUND)
    return before[-1], [*before, *await _first_after(log, position, head)]


async def _events_to(log: EventLog, position: int, head: int, most: int) -> Sequence[RecordedEvent]:
    """That at a position, and some before it if there are any: up to so many."""
    if position <= START or head == START:
        raise InvalidInput("before_the_first_event", _nothing_by(f"position {position}"), "as_of")
    if position > head:
        message = f"position {position} is beyond the log's head at {head}"
        raise InvalidInput("beyond_the_head", message, "as_of")
    before = await _up_to(log, position, most)
    if not before:
        raise InvalidInput("before_the_first_event", _nothing_by(f"position {position}"), "as_of")
    last = before[-1]
    if last.position != position:
        message = f"no event is at position {position}; the one before it is at {last.position}"
        raise InvalidInput("no_such_position", message, "as_of")
    return before


async def _at_instant(
    log: EventLog, instant: datetime, now: datetime
) -> tuple[RecordedEvent, Sequence[RecordedEvent]]:
    if instant > now:
        message = f"{format_time(instant)} is in the future: it is {format_time(now)}"
        raise InvalidInput("in_the_future", message, "as_of")
    head = await log.head()
    boundary = await _boundary(log, instant, head)
    around = [*await _up_to(log, boundary), *await _first_after(log, boundary, head)]
    recorded = [event for event in around if event.recorded_at <= instant]
    if not recorded:
        raise InvalidInput("before_the_first_event", _nothing_by(format_time(instant)), "as_of")
    return recorded[-1], around


def _nothing_by(moment: str) -> str:
    return f"nothing had been recorded by {moment}"


async def _boundary(log: EventLog, instant: datetime, head: int) -> int:
    """Where times pass an instant. Some logs can be read from anywhere, others only from positions
    of events: those are read from their end back to it."""
    try:
        return await _bisect(log, instant, head)
    except LogFailed:
        recorded = await _last(log, None, lambda event: event.recorded_at <= instant)
        return recorded[-1].position if recorded else START


async def _bisect(log: EventLog, instant: datetime, head: int) -> int:
    low, high = START, head
    while low < high:
        middle = (low + high) // 2
        (event, *_) = await _first_after(log, middle, head, most=1)
        if event.recorded_at <= instant:
            low = event.position
        else:
            high = middle
    return low


async def _first_after(
    log: EventLog, position: int, head: int, most: int = AROUND
) -> Sequence[RecordedEvent]:
    """The events after a position, up to so many."""
    async with aclosing(log.read_all(after=position, until=head, page_size=most)) as pages:
        async for page in pages:
            return page
    return ()


async def _up_to(log: EventLog, position: int, most: int = AROUND) -> Sequence[RecordedEvent]:
    """The last events up to a position (inclusive), up to so many."""
    if position == START:
        return ()
    try:
        return await _last(log, position, most=most)
    except LogFailed:
        earlier = await _last(log, None, lambda event: event.position <= position)
        return earlier[-most:]


async def _last(
    log: EventLog,
    until: int | None,
    is_wanted: Callable[[RecordedEvent], bool] = lambda _: True,
    *,
    most: int = AROUND,
) -> Sequence[RecordedEvent]:
    """The last events that are wanted, in the log's order."""
    last: list[RecordedEvent] = []
    async with aclosing(log.read_back(until=until, page_size=most)) as pages:
        async for page in pages:
            last += filter(is_wanted, page)
            if len(last) >= most:
                break
    return last[:most][::-1]
