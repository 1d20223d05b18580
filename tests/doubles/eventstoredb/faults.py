"""Switches that make the server misbehave the way a real one does."""

import asyncio
from dataclasses import dataclass, field
from typing import Literal

import grpc

Counted = Literal[
    "unavailable",
    "not_ready",
    "busy",
    "append_timeouts",
    "drop_answers",
    "end_answers",
    "silent_answers",
    "silent_requests",
    "access_denied",
]


@dataclass
class Faults:
    """Counters are the number of calls still to fail; 0 and None are off."""

    unavailable: int = 0
    """RPCs refused with UNAVAILABLE before anything happens."""

    not_ready: int = 0
    """Appends answered in-band with "Server Is Not Ready"; nothing is written."""

    busy: int = 0
    """Appends answered in-band with "Server Is Busy"; nothing is written."""

    append_timeouts: int = 0
    """Appends that are committed, but answered in-band with Timeout."""

    drop_answers: int = 0
    """Appends that are committed, then the call drops without an answer."""

    end_answers: int = 0
    """Appends that are committed, then the call ends as if all were said."""

    silent_answers: int = 0
    """Appends that are committed and never answered; the stream stays open."""

    silent_requests: int = 0
    """Appends that are neither committed nor answered; the stream stays open."""

    access_denied: int = 0
    """Appends answered in-band with AccessDenied."""

    hold_answers: int = 0
    """Answer appends in groups of so many, newest first."""

    drop_reads_after: int | None = None
    """Messages the next read or subscription sends before it drops."""

    drop_status: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE
    """What a drop looks like; a reset stream is CANCELLED."""

    end_reads_after: int | None = None
    """Messages the next read or subscription sends before it ends as if all were said."""

    stall_reads_after: int | None = None
    """Messages the next read or subscription sends before it falls silent."""

    unsafe_checkpoints: bool = False
    """Send checkpoints whose commit is not their prepare position, ahead of what was sent."""

    reader_keeps_up: asyncio.Event = field(default_factory=asyncio.Event)
    """Cleared: subscribers take nothing, as if their windows were full."""

    def __post_init__(self) -> None:
        self.reader_keeps_up.set()

    def take(self, name: Counted) -> bool:
        """Whether this call is to fail."""
        left: int = getattr(self, name)
        if left > 0:
            setattr(self, name, left - 1)
        return left > 0
