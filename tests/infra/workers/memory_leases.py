"""A table of leases in memory, on a clock of its own; it answers as the one in Postgres does."""

from datetime import timedelta

import msgspec

from infra.workers.lease_table import LEASE_SECONDS, LeaseRow, LeaseTable
from tests.doubles.manual_clock import START, ManualClock

LEASE = timedelta(seconds=LEASE_SECONDS)


class MemoryLeases:
    """Implements infra.workers.lease_table.LeaseTable; it always answers."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self._rows: dict[str, LeaseRow] = {}

    async def read(self, role: str) -> LeaseRow:
        long_ago = START - timedelta(days=1)
        row = self._rows.setdefault(role, LeaseRow(0, "{}", long_ago, long_ago, has_expired=True))
        return msgspec.structs.replace(row, has_expired=row.expires_at <= self.clock.now())

    async def take(self, role: str, seen: LeaseRow, holder: str, above: int) -> int | None:
        row = self._rows[role]
        if (row.epoch, row.expires_at) != (seen.epoch, seen.expires_at):
            return None
        now = self.clock.now()
        epoch = max(row.epoch, above) + 1
        self._rows[role] = LeaseRow(epoch, holder, now, now + LEASE, has_expired=False)
        return epoch

    async def renew(self, role: str, epoch: int) -> bool:
        return self._set_expiry(role, epoch, self.clock.now() + LEASE)

    async def release(self, role: str, epoch: int) -> None:
        self._set_expiry(role, epoch, START - timedelta(days=1))

    def _set_expiry(self, role: str, epoch: int, expires_at: object) -> bool:
        row = self._rows[role]
        if row.epoch != epoch:
            return False
        self._rows[role] = msgspec.structs.replace(row, expires_at=expires_at)
        return True


def _conforms(leases: MemoryLeases) -> LeaseTable:
    return leases
