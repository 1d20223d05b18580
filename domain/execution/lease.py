"""The right to send: one worker has it at a time, and knows when it may have lost it."""

from typing import Protocol


class LeaseLost(Exception):
    """Another worker may lead now: nothing more may be appended or sent."""


class Lease(Protocol):
    """``epoch`` is larger than that of every holder before."""

    @property
    def epoch(self) -> int: ...

    def holds(self) -> bool:
        """True while no other worker can hold it.

        Measured on the monotonic clock from before the lease was last renewed, so it is also right
        after the process was paused. Asked before every append, and last thing before the wire.
        """
        ...


def require(lease: Lease) -> None:
    """Raises LeaseLost unless the lease holds now."""
    if not lease.holds():
        raise LeaseLost(f"the lease of epoch {lease.epoch} has run out")
