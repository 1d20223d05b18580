"""A cut: the position of the log up to which the past is looked at."""

import re
from collections.abc import Sequence
from contextlib import aclosing
from datetime import datetime
from itertools import pairwise

import msgspec

from domain.errors import InvalidInput
from domain.event import format_time
from domain.log import START, EventLog, LogFailed, RecordedEvent
from replay.instant import parse_instant
from replay.passage import find_passage, last_events

AROUND = 500
"""Events on either side of a cut among which recorded times are looked at."""

MAX_DIGITS = 19
"""Of a position: a log keeps them in 63 bits."""

_POSITION = re.compile(r"\d+", re.ASCII)


class Cut(msgspec.Struct, frozen=True):
    """Everything up to ``position``, inclusive. ``asked_for`` is what it was resolved from.

    ``recorded_at`` is when the log recorded the event there; ``out_of_order`` whether times go back
    among the events that were looked at, AROUND on either side and those that the search came by:
    then an instant alone does not say what had been recorded by then.
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

    Where recorded times go back, they pass an instant more than once: the cut is then the last
    position recorded by it among those AROUND a place where they pass it. In the PostgreSQL log
    they never go back; in EventStoreDB they do where its clock was set back.

    Raises InvalidInput: as ``parse_as_of``, ``in_the_future``, ``before_the_first_event``,
    ``beyond_the_head``, ``no_such_position``; and what the log raises.
    """
    asked = parse_as_of(text)
    if isinstance(asked, int):
        event, looked_at = await _at_position(log, asked)
    else:
        event, looked_at = await _at_instant(log, asked, now)
    return Cut(event.position, text, event.recorded_at, _go_back(looked_at))


def _go_back(events: Sequence[RecordedEvent]) -> bool:
    in_order = sorted(events, key=lambda event: event.position)
    return any(later.recorded_at < earlier.recorded_at for earlier, later in pairwise(in_order))


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
        raise _nothing_by(f"position {position}")
    if position > head:
        message = f"position {position} is beyond the log's head at {head}"
        raise InvalidInput("beyond_the_head", message, "as_of")
    try:
        before = await last_events(log, position, most)
    except LogFailed:
        earlier = await find_passage(log, head, lambda event: event.position > position)
        if earlier.position == position:
            raise
        raise _no_event_at(position, earlier.position) from None
    if not before or before[-1].position != position:
        raise _no_event_at(position, before[-1].position if before else START)
    return before


async def _at_instant(
    log: EventLog, instant: datetime, now: datetime
) -> tuple[RecordedEvent, Sequence[RecordedEvent]]:
    if instant > now:
        message = f"{format_time(instant)} is in the future: it is {format_time(now)}"
        raise InvalidInput("in_the_future", message, "as_of")
    head = await log.head()
    passage = await find_passage(log, head, lambda event: event.recorded_at > instant)
    around = await _around(log, passage.position, head)
    recorded = [event for event in around if event.recorded_at <= instant]
    if not recorded:
        raise _nothing_by(format_time(instant))
    return recorded[-1], [*around, *passage.looked_at]


def _nothing_by(moment: str) -> InvalidInput:
    message = f"nothing had been recorded by {moment}"
    return InvalidInput("before_the_first_event", message, "as_of")


def _no_event_at(position: int, earlier: int) -> InvalidInput:
    if earlier == START:
        return _nothing_by(f"position {position}")
    message = f"no event is at position {position}; the one before it is at {earlier}"
    return InvalidInput("no_such_position", message, "as_of")


async def _around(log: EventLog, position: int, head: int) -> Sequence[RecordedEvent]:
    """The event at a position and those before it, and those after it: AROUND of each."""
    before = () if position == START else await last_events(log, position, AROUND)
    return [*before, *await _first_after(log, position, head)]


async def _first_after(log: EventLog, position: int, head: int) -> Sequence[RecordedEvent]:
    async with aclosing(log.read_all(after=position, until=head, page_size=AROUND)) as pages:
        async for page in pages:
            return page
    return ()
