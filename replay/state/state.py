"""One aggregate as it stood at a cut, by folding its stream up to there."""

from contextlib import aclosing
from datetime import datetime

import msgspec

from domain.aggregate import Aggregate
from domain.errors import NotFound
from domain.event import decode
from domain.log import EventLog, RecordedEvent
from replay.cut import Cut, parse_as_of, resolve
from replay.state.aggregates import empty_aggregate
from replay.state.attributes import attributes
from replay.state.plain import Json, plain
from replay.state.stream_history import history


class FoldFailed(Exception):
    """An event that its aggregate cannot take: the log is not as the core wrote it."""

    def __init__(self, recorded: RecordedEvent, reason: str) -> None:
        super().__init__(f"{recorded.type} at position {recorded.position}: {reason}")
        self.recorded = recorded


class State(msgspec.Struct, frozen=True):
    """``version``, ``position`` and ``recorded_at`` are those of the stream's last event by
    then; ``state`` is the aggregate as JSON."""

    stream: str
    cut: Cut
    version: int
    position: int
    recorded_at: datetime
    state: dict[str, Json]


async def state_of(log: EventLog, stream: str, as_of: str, now: datetime) -> State:
    """The aggregate of a stream as of a position or an instant.

    Raises InvalidInput ``invalid_stream`` and as ``resolve``; NotFound ``stream_not_found``,
    ``before_its_first_event``; UnknownEventType, UndecodableEvent, FoldFailed; LogError.
    """
    aggregate = empty_aggregate(stream)
    parse_as_of(as_of)
    cut = await resolve(log, as_of, now)
    last = await _fold(log, aggregate, cut.position)
    if last is None:
        raise await _nothing(log, stream, cut)
    return State(
        stream=stream,
        cut=cut,
        version=last.version,
        position=last.position,
        recorded_at=last.recorded_at,
        state={name: plain(value) for name, value in attributes(aggregate).items()},
    )


async def _fold(log: EventLog, aggregate: Aggregate, until: int) -> RecordedEvent | None:
    """The last event that was folded, None if there was none."""
    last: RecordedEvent | None = None
    async with aclosing(history(log, aggregate.stream, until)) as pages:
        async for page in pages:
            for recorded in page:
                _take(aggregate, recorded)
            last = page[-1]
    return last


def _take(aggregate: Aggregate, recorded: RecordedEvent) -> None:
    """Raises UnknownEventType, UndecodableEvent, FoldFailed."""
    event = decode(recorded)
    try:
        event.mutate(aggregate)
    except Exception as error:
        # An event may be anything, so an aggregate may raise anything.
        raise FoldFailed(recorded, repr(error)) from error


async def _nothing(log: EventLog, stream: str, cut: Cut) -> NotFound:
    """Whether the stream began later, or never."""
    async with aclosing(log.read_stream(stream, page_size=1)) as pages:
        async for page in pages:
            message = f"{stream} begins at position {page[0].position}, after {cut.position}"
            return NotFound("before_its_first_event", message, "stream")
    return NotFound("stream_not_found", f"the log has no stream {stream}", "stream")
