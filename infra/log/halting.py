"""Logs that take no more appends after a failure, and say so."""

from typing import Protocol, runtime_checkable

from domain.clock import Clock
from domain.log import EventLog, LogFailed

LOOK_SECONDS = 0.5


@runtime_checkable
class Halting(Protocol):
    """``halted`` is the reason, None while appends are taken. Only a new start ends it: after a
    flush that failed nobody knows what is on the disk."""

    @property
    def halted(self) -> str | None: ...


def reason_of_halt(log: EventLog) -> str | None:
    """None as well for a log that does not tell."""
    return log.halted if isinstance(log, Halting) else None


async def end_when_halted(log: EventLog, clock: Clock) -> None:
    """Until cancelled. Raises LogFailed, with the reason, once the log takes no more appends."""
    while (reason := reason_of_halt(log)) is None:
        await clock.sleep(LOOK_SECONDS)
    raise LogFailed(reason)
