"""Trying again while the log does not answer."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from domain.cancellation import heed_cancellation
from domain.clock import Clock
from domain.errors import Busy
from domain.log import LogUnavailable

FIRST_PAUSE = timedelta(milliseconds=50)
LONGEST_PAUSE = timedelta(seconds=2)

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
            heed_cancellation()
            await clock.sleep(pause.total_seconds())
            pause = min(2 * pause, LONGEST_PAUSE)
