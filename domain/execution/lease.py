"""The right to send: one worker has it at a time, and knows when it may have lost it."""

from typing import Protocol


class Lease(Protocol):
    """``epoch`` is larger than that of every holder before."""

    epoch: int

    def holds(self) -> bool:
        """True while no other worker can hold it.

        Measured on the monotonic clock from before the lease was last renewed, so it is also right
        after the process was paused. Asked before every intent, and last thing before the wire.
        """
        ...
