"""A clock whose time passes only while somebody sleeps."""

import asyncio
from datetime import UTC, datetime, timedelta

START = datetime(2024, 3, 1, 12, 0, 0, tzinfo=UTC)


class VirtualClock:
    """Implements domain.clock.Clock. Sleeping takes no real time; ``slept`` lists each sleep."""

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self._elapsed = 0.0
        self.slept: list[float] = []
        self.has_slept = asyncio.Event()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    def advance(self, seconds: float) -> None:
        self._elapsed += seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.has_slept.set()
        self._elapsed += seconds
        await asyncio.sleep(0)
