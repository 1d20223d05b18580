"""The system's clock and ids: the only place where time passes and dice are rolled."""

import asyncio
import time
from datetime import UTC, datetime
from uuid import UUID, uuid4


class SystemClock:
    """Implements domain.clock.Clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class SystemIds:
    """Implements domain.clock.Ids."""

    def new(self) -> UUID:
        return uuid4()
