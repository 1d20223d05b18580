"""Time, identity and delay as ports: no rule reads a clock or rolls dice by itself."""

from datetime import datetime
from typing import Protocol
from uuid import UUID


class Clock(Protocol):
    """Wall time for records, monotonic time for durations, and the one way to wait."""

    def now(self) -> datetime:
        """UTC, aware, microseconds."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class Ids(Protocol):
    """Fresh identifiers for what has no natural one: a request without an idempotency key."""

    def new(self) -> UUID: ...
