"""The system's clock and ids: the only place where time passes and dice are rolled."""

import asyncio
import time
from datetime import UTC, datetime
from uuid import UUID, uuid4

_MONOTONIC = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Where there is one, the clock that also counts while the machine sleeps: a laptop that wakes, or
a virtual machine that is resumed, must find its leases over. Both count while a process is stopped.
"""


class SystemClock:
    """Implements domain.clock.Clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.clock_gettime(_MONOTONIC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class SystemIds:
    """Implements domain.clock.Ids."""

    def new(self) -> UUID:
        return uuid4()
