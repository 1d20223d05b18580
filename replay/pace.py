"""How fast a rebuild goes: others write to the same disk and the same log."""

from domain.clock import Clock
from domain.log import EventLog

RESTS = 4.0
"""How long it rests beside a core that trades, for each second it reads and folds: what it takes
there is more than its share of the processor, as both write to one disk."""


class Pace:
    """``rest`` after each page: as fast as the machine allows while nobody appends to the log, a
    fifth of that while somebody does."""

    def __init__(self, log: EventLog, clock: Clock) -> None:
        self._log = log
        self._clock = clock
        self._head: int | None = None
        self._rested_at = clock.monotonic()

    async def rest(self) -> None:
        """Raises LogError."""
        head = await self._log.head()
        if self._head is not None and head != self._head:
            worked = self._clock.monotonic() - self._rested_at
            await self._clock.sleep(worked * RESTS)
        self._head = head
        self._rested_at = self._clock.monotonic()
