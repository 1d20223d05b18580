"""Time that passes only when a test says so, and ids that count."""

import asyncio
import heapq
import itertools
from datetime import UTC, datetime, timedelta
from uuid import UUID

START = datetime(2026, 1, 1, tzinfo=UTC)


class ManualClock:
    """Implements domain.clock.Clock: sleepers wake, in order of their time, on ``advance``."""

    def __init__(self, now: datetime = START) -> None:
        self._start = now
        self._elapsed = 0.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._slept = asyncio.Event()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed + seconds, next(self._order), future))
        self._slept.set()
        await future

    async def until_asleep(self) -> None:
        """Wait until some task sleeps, so that advancing the time will wake it."""
        while not any(not future.done() for _, _, future in self._sleepers):
            self._slept.clear()
            await self._slept.wait()

    async def advance(self, seconds: float) -> None:
        """Let time pass; each sleeper wakes at its own time and may sleep again."""
        target = self._elapsed + seconds
        while self._sleepers and self._sleepers[0][0] <= target:
            due, _, future = heapq.heappop(self._sleepers)
            self._elapsed = max(self._elapsed, due)
            if not future.done():
                future.set_result(None)
                await asyncio.sleep(0)
                await asyncio.sleep(0)
        self._elapsed = target


class CountingIds:
    """Implements domain.clock.Ids: 1, 2, 3…"""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def new(self) -> UUID:
        return UUID(int=next(self._numbers))
