"""The lease on execution in virtual time: a store that forgets a holder who stops renewing."""

from collections.abc import Awaitable, Callable

from domain.clock import Clock
from domain.execution.lease import Lease, LeaseLost

DURATION = 6.0
"""Seconds from a renewal until another may take the lease."""

RENEWAL = 1.5
"""Seconds between two renewals."""


class LeaseStore:
    """Where the lease is kept. It trusts its own clock alone, and no clock of a holder."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._holder: str | None = None
        self._expires = 0.0
        self.epoch = 0

    def take(self, holder: str) -> int | None:
        """A new epoch for a holder, or None while the lease of another is valid."""
        if self._holder is not None and self._clock.monotonic() < self._expires:
            return None
        self.epoch += 1
        self._holder = holder
        self._expires = self._clock.monotonic() + DURATION
        return self.epoch

    def renew(self, epoch: int) -> bool:
        """True if that epoch still holds the lease, which then begins anew."""
        if epoch != self.epoch or self._clock.monotonic() >= self._expires:
            return False
        self._expires = self._clock.monotonic() + DURATION
        return True

    def is_held_by(self, epoch: int) -> bool:
        """The truth that no holder can know for certain."""
        return epoch == self.epoch and self._clock.monotonic() < self._expires


class HeldLease:
    """Implements domain.execution.lease.Lease for one holder.

    ``reach`` is one message to the store: it takes time, and may fail.
    """

    def __init__(
        self, store: LeaseStore, holder: str, clock: Clock, reach: Callable[[], Awaitable[bool]]
    ) -> None:
        self.epoch = 0
        self._store = store
        self._holder = holder
        self._clock = clock
        self._reach = reach
        self._valid_until = 0.0

    def holds(self) -> bool:
        return self._clock.monotonic() < self._valid_until

    async def take(self) -> None:
        """Wait until this holder leads."""
        while True:
            asked_at = self._clock.monotonic()
            epoch = self._store.take(self._holder) if await self._reach() else None
            # The way back takes its time too, and counts against the holder.
            if await self._reach() and epoch is not None:
                self.epoch = epoch
                self._valid_until = asked_at + DURATION
                return
            await self._clock.sleep(RENEWAL)

    async def keep(self) -> None:
        """Renew until cancelled. Raises LeaseLost."""
        while True:
            await self._clock.sleep(RENEWAL)
            asked_at = self._clock.monotonic()
            renewed = self._store.renew(self.epoch) if await self._reach() else None
            if await self._reach() and renewed:
                self._valid_until = asked_at + DURATION
            elif renewed is False or not self.holds():
                raise LeaseLost(f"{self._holder} led in epoch {self.epoch}")


def _conforms(lease: HeldLease) -> Lease:
    return lease
