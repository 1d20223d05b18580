"""Where a worker stands in the log."""

from typing import Protocol


class Checkpoints(Protocol):
    """Kept outside the log. Losing one costs time, never correctness: handlers are idempotent."""

    async def load(self, worker: str) -> int:
        """The position up to which the worker has handled everything; START if it is new."""
        ...

    async def save(self, worker: str, position: int) -> None: ...
