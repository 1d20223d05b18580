"""The epochs of leaders, as the log has them."""

from contextlib import aclosing

from domain.event import decode
from domain.log import EventFilter, EventLog
from domain.session.events import LeaderEpochStarted

_EPOCHS = EventFilter(
    types=frozenset({LeaderEpochStarted.__name__}), categories=frozenset({"session"})
)


async def newest_epoch(log: EventLog, until: int) -> int:
    """The highest that began up to a position, with any venue; 0 if none did."""
    newest = 0
    async with aclosing(log.read_all(until=until, only=_EPOCHS)) as pages:
        async for page in pages:
            for recorded in page:
                event = decode(recorded)
                assert isinstance(event, LeaderEpochStarted), event
                newest = max(newest, event.epoch)
    return newest
