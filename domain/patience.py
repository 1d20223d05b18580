"""Trying again while the log does not answer."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from domain.clock import Clock
from domain.errors import Busy
from domain.log import LogUnavailable

FIRST_PAUSE = 0.05
LONGEST_PAUSE = 2.0

T = TypeVar("T")


async def insist(clock: Clock, attempt: Callable[[], Awaitable[T]]) -> T:
    """Attempt until the log answers, at growing intervals.

    Only for what may be attempted again: its events have ids of their own, or decide on the newest
    state. Raises what ``attempt`` raises, but LogUnavailable and Busy.
    """
    pause = FIRST_PAUSE
    while True:
        try:
            return await attempt()
        except (LogUnavailable, Busy):
            _heed_cancellation()
            await clock.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)


def _heed_cancellation() -> None:
    """Python 3.11 can lose a cancellation where a task group ends by an error at the same time."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
