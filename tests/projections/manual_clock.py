"""A clock that stands still until a test moves it; waiting only lets other tasks go on."""

import asyncio
from datetime import UTC, datetime, timedelta


class ManualClock:
    """``domain.clock.Clock``. Leases last for ever until ``advance`` lets them run out."""

    def __init__(self) -> None:
        self._now = datetime(2026, 6, 1, tzinfo=UTC)

    def advance(self, **duration: float) -> None:
        self._now += timedelta(**duration)

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._now.timestamp()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.01))
