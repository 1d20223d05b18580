"""A log with a failpoint on either side of every append, named by its first event's type."""

from collections.abc import Sequence

from domain.forwarding_log import ForwardingLog
from domain.log import Appended, EventLog, NewEvent
from infra.failpoints import failpoints


class FailpointLog(ForwardingLog):
    async def append(
        self, stream: str, events: Sequence[NewEvent], *, expected_version: int
    ) -> Appended:
        kind = events[0].type
        failpoints.reach("append", kind, "before")
        appended = await super().append(stream, events, expected_version=expected_version)
        failpoints.reach("append", kind, "after")
        return appended


def with_failpoints(log: EventLog) -> EventLog:
    """The log itself unless this process is armed."""
    return FailpointLog(log) if failpoints.how else log
