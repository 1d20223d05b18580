"""A clock that stands still until a test moves it."""

import asyncio
from datetime import UTC, datetime, timedelta


class ManualClock:
    """``domain.clock.Clock``. A sleep of a second or more lasts until ``advance`` has gone so far;
    shorter ones, which only look again for something, pass at once."""

    def __init__(self) -> None:
        self._now = datetime(2026, 6, 1, tzinfo=UTC)
        self._moved = asyncio.Event()

    def advance(self, **duration: float) -> None:
        self._now += timedelta(**duration)
        self._moved.set()
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._now.timestamp()

    async def sleep(self, seconds: float) -> None:
        if seconds < 1:
            await asyncio.sleep(min(seconds, 0.01))
            return
        deadline = self._now + timedelta(seconds=seconds)
        while self._now < deadline:
            await self._moved.wait()
