"""Where leases are kept: one row a role, changed by compare and swap, timed by its own clock."""

from datetime import datetime
from typing import Protocol

import msgspec

LEASE_SECONDS = 5.0
"""How long a lease lasts after it was taken or renewed. A leader that is gone from the network, or
stopped, is replaced this long after its last renewal."""


class LeaseTableAway(Exception):
    """No answer. What was asked for may be done or not, now or a moment later."""


class LeaseRow(msgspec.Struct, frozen=True):
    """A lease as it stands. ``epoch`` counts its holders, 0 before the first; times are the
    table's own, and so is ``has_expired``."""

    epoch: int
    holder: str
    since: datetime
    expires_at: datetime
    has_expired: bool


class LeaseTable(Protocol):
    """Every method raises LeaseTableAway."""

    async def read(self, role: str) -> LeaseRow: ...

    async def take(self, role: str, seen: LeaseRow, holder: str, above: int) -> int | None:
        """The new epoch, above the one seen and above ``above``.

        None if somebody has taken, renewed or released the lease since it was seen.
        """
        ...

    async def renew(self, role: str, epoch: int) -> bool:
        """Whether the lease is still of that epoch, expired or not; then it lasts anew."""
        ...

    async def release(self, role: str, epoch: int) -> None:
        """Let it expire now. Does nothing if it is of another epoch."""
        ...
