"""The state of one aggregate on the log of a core, running or not."""

from domain.event import UndecodableEvent, UnknownEventType
from infra.clock import SystemClock
from infra.composition.servers import event_log, servers
from infra.settings import Settings
from replay.cut import parse_as_of
from replay.state.aggregates import empty_aggregate
from replay.state.state import FoldFailed, State, state_of

__all__ = ["UNREADABLE", "State", "check_request", "state_then"]

UNREADABLE = (UnknownEventType, UndecodableEvent, FoldFailed)
"""What ends at an event that this version cannot read."""


def check_request(stream: str, as_of: str) -> None:
    """What can be told without asking anything. Raises InvalidInput."""
    empty_aggregate(stream)
    parse_as_of(as_of)


async def state_then(settings: Settings, stream: str, as_of: str) -> State:
    """Raises as ``state_of``, and as ``servers`` and ``event_log``."""
    clock = SystemClock()
    async with (
        servers(settings, clock) as where,
        event_log(settings, where.postgres_dsn) as log,
    ):
        return await state_of(log, stream, as_of, clock.now())
