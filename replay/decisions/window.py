"""Which part of the log's decisions is replayed."""

from datetime import datetime

import msgspec

from domain.errors import InvalidInput
from domain.event import format_time
from domain.log import EventLog, RecordedEvent
from replay.cut import Cut, parse_as_of, position_of, resolve


class Window(msgspec.Struct, frozen=True):
    """From a position or an instant of recording (None: the first) to a position, inclusive."""

    since: int | datetime | None
    until: int

    def holds(self, recorded: RecordedEvent) -> bool:
        if self.since is None:
            return True
        if isinstance(self.since, int):
            return recorded.position >= self.since
        return recorded.recorded_at >= self.since


async def window(log: EventLog, since: str | None, until: str | None, now: datetime) -> Window:
    """Of what was asked for; to the log's head where no end is named.

    Raises InvalidInput as replay.cut.resolve, and ``from_after_to``; an instant to begin from may
    lie before the first event.
    """
    start = None if since is None else await _start(log, since, now)
    if until is None:
        return Window(start, await log.head())
    cut = await _end(log, until, now)
    if _is_after(start, cut):
        raise InvalidInput("from_after_to", f"{since} is after {until}", "from")
    return Window(start, cut.position)


def _is_after(start: int | datetime | None, cut: Cut) -> bool:
    """An instant may lie between the cut's event and what the cut was asked for."""
    if isinstance(start, datetime):
        asked = parse_as_of(cut.asked_for)
        return start > (asked if isinstance(asked, datetime) else cut.recorded_at)
    return start is not None and start > cut.position


async def _start(log: EventLog, since: str, now: datetime) -> int | datetime:
    try:
        start = parse_as_of(since)
        if isinstance(start, int):
            return await position_of(log, since, now)
    except InvalidInput as error:
        raise InvalidInput(error.code, str(error), "from") from error
    if start > now:
        message = f"{format_time(start)} is in the future: it is {format_time(now)}"
        raise InvalidInput("in_the_future", message, "from")
    return start


async def _end(log: EventLog, until: str, now: datetime) -> Cut:
    try:
        return await resolve(log, until, now)
    except InvalidInput as error:
        raise InvalidInput(error.code, str(error), "to") from error
