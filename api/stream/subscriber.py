"""One connection's place in the hub: a bounded queue that never makes anybody wait."""

import asyncio
from collections import deque

QUEUE_SIZE = 1_000


class Subscriber:
    """Messages wait here until the connection sends them; a full queue marks it as slow."""

    def __init__(self, accounts: frozenset[str] | None, queue_size: int = QUEUE_SIZE) -> None:
        self.accounts = accounts
        self.too_slow = asyncio.Event()
        self._queue: deque[str] = deque()
        self._queue_size = queue_size
        self._news = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many messages wait to be sent."""
        return len(self._queue)

    def offer(self, message: str) -> None:
        """Queue a message; give up on a reader that is too far behind."""
        if self.too_slow.is_set():
            return
        if len(self._queue) >= self._queue_size:
            self._queue.clear()
            self.too_slow.set()
            return
        self._queue.append(message)
        self._news.set()

    async def take(self) -> list[str]:
        """All that waits, at least one message."""
        while not self._queue:
            self._news.clear()
            await self._news.wait()
        taken = list(self._queue)
        self._queue.clear()
        return taken
