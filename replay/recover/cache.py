"""What a recovery needs of Redis, which holds the only copy of nothing."""

from typing import Protocol


class Cache(Protocol):
    async def count(self) -> int:
        """How many keys there are. Raises PartFailed if it does not answer."""
        ...
