"""Replaying decisions on the log of a core, running or not."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager

import msgspec

from domain.clock import Clock
from domain.instrument import Instruments
from domain.log import EventLog
from domain.risk.limits import Limits
from infra.clock import SystemClock
from infra.composition.market import instruments
from infra.composition.servers import event_log, servers
from infra.settings import Settings
from replay.decisions.decision_replay import DecisionReplay, ReplayFailed
from replay.decisions.difference import Difference, Finding
from replay.decisions.limits_file import parse_limits
from replay.decisions.report import Report
from replay.decisions.window import window

__all__ = [
    "Asked",
    "DecisionReplays",
    "Difference",
    "Finding",
    "ReplayFailed",
    "Report",
    "decision_replays",
    "parse_limits",
]

Moved = Callable[[int, int], None]
"""Told of the position that was reached, and of the last one."""


class Asked(msgspec.Struct, frozen=True):
    """Which decisions: one order's, or those from a position or instant to another."""

    order_id: str | None = None
    since: str | None = None
    until: str | None = None


class DecisionReplays:
    """Replays on one log."""

    def __init__(self, log: EventLog, tradable: Instruments, clock: Clock) -> None:
        self._log = log
        self._instruments = tradable
        self._clock = clock

    async def run(
        self, asked: Asked, limits: Mapping[str, Limits] | None, on_move: Moved
    ) -> Report:
        """Raises InvalidInput as replay.decisions.window.window, and as DecisionReplay."""
        replay = DecisionReplay(self._log, self._instruments, limits)
        if asked.order_id is not None:
            return await replay.of_order(asked.order_id)
        part = await window(self._log, asked.since, asked.until, self._clock.now())
        return await replay.run(part, lambda position: on_move(position, part.until))


@asynccontextmanager
async def decision_replays(settings: Settings) -> AsyncGenerator[DecisionReplays]:
    """Start or reach the servers. Raises as ``servers`` and ``event_log``."""
    clock = SystemClock()
    async with (
        servers(settings, clock) as where,
        event_log(settings, where.postgres_dsn) as log,
    ):
        yield DecisionReplays(log, instruments(settings), clock)
