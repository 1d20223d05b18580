"""A clock that shows the time of the market it is fed."""

import asyncio
import time
from datetime import datetime


class RecordedTime:
    """``now`` is what the test sets it to; waiting is real, for what waits on servers."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def set(self, now: datetime) -> None:
        self._now = max(self._now, now)

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
