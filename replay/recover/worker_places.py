"""What a recovery needs of the workers: where they stand in the log, and who leads."""

from collections.abc import Mapping, Sequence
from typing import Protocol


class WorkerPlaces(Protocol):
    """Every method raises PartFailed."""

    async def damage(self) -> Sequence[str]:
        """What is missing, in words for people."""
        ...

    async def install(self) -> None:
        """Its tables are there and can be used: those that cannot are made anew, empty."""
        ...

    async def checkpoints(self) -> Mapping[str, int]:
        """The position up to which each worker has handled everything, by its name."""
        ...

    async def forget(self, worker: str) -> None:
        """It goes through the log from the first event again."""
        ...

    async def raise_epoch(self, epoch: int) -> int:
        """The next leader's epoch is above this one and every one that is known here. Answers the
        newest known."""
        ...
