"""Logs that take no more appends after a failure, and say so."""

from typing import Protocol, runtime_checkable

from domain.log import EventLog


@runtime_checkable
class Halting(Protocol):
    """``halted`` is the reason, None while appends are taken. Only a new start ends it: after a
    flush that failed nobody knows what is on the disk."""

    @property
    def halted(self) -> str | None: ...


def reason_of_halt(log: EventLog) -> str | None:
    """None as well for a log that does not tell."""
    return log.halted if isinstance(log, Halting) else None
