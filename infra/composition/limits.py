"""Keeping the limits current, and knowing when they may not be."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import structlog

from domain.clock import Clock
from domain.log import EventLog, LogUnavailable
from domain.risk.risk_book import RiskBook

PULSE_SECONDS = 1.0
"""How often the log is asked whether it is there."""

PATIENCE_SECONDS = 2.0
"""A log that has not answered by then may have been halted, and we would not know."""

_logger = structlog.get_logger(__name__)


async def keep_limits_current(book: RiskBook, log: EventLog, clock: Clock) -> None:
    """Follow the log until cancelled. While it is silent the book is not current.

    A subscription waits for a log that is away and says nothing of it. So the log is asked beside
    it, and followed anew after a silence: current again is only what was read to the end since.
    """
    async with _pulse(log, clock) as pulse:
        while True:
            async with asyncio.TaskGroup() as group:
                following = group.create_task(book.follow(log))
                await pulse.until_silent()
                book.is_current = False  # before anything that may have to wait for the log
                _logger.warning("limits_not_current", reason="the log does not answer")
                following.cancel()
            await pulse.until_answer()
            _logger.info("log_answers_again")


class LogPulse:
    """Asks for the log's head. A question that hangs is not asked again: its answer is awaited."""

    def __init__(self, log: EventLog, clock: Clock) -> None:
        self._log = log
        self._clock = clock
        self._asked: asyncio.Task[int] | None = None

    async def until_silent(self) -> None:
        while await self._answers():
            await self._clock.sleep(PULSE_SECONDS)

    async def until_answer(self) -> None:
        while not await self._answers():
            await self._clock.sleep(PULSE_SECONDS)

    def cancel(self) -> None:
        if self._asked is not None and not self._asked.cancel() and not self._asked.cancelled():
            self._asked.exception()  # seen: nobody waits for it any more

    async def _answers(self) -> bool:
        """Whether there is an answer within PATIENCE_SECONDS. Raises LogFailed."""
        self._asked = self._asked or asyncio.create_task(self._log.head(), name="pulse of the log")
        alarm = asyncio.create_task(self._clock.sleep(PATIENCE_SECONDS))
        try:
            await asyncio.wait([self._asked, alarm], return_when=asyncio.FIRST_COMPLETED)
        finally:
            alarm.cancel()
        if not self._asked.done():
            return False
        asked, self._asked = self._asked, None
        try:
            asked.result()
        except LogUnavailable:
            return False
        return True


@asynccontextmanager
async def _pulse(log: EventLog, clock: Clock) -> AsyncGenerator[LogPulse]:
    pulse = LogPulse(log, clock)
    try:
        yield pulse
    finally:
        pulse.cancel()
