"""Live reports to whoever listens, each at their own pace."""

import asyncio
from collections.abc import AsyncGenerator

from domain.venue import Report

CAPACITY = 10_000
"""Reports a listener may be behind by before its stream ends."""


class ReportStreams:
    """A listener that is too far behind loses its stream, as a venue drops a slow connection.

    It hears everything before that, and back-fills the rest from ``fills_since``.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        # In the order they were opened: the same story must be told the same way twice.
        self._queues: dict[asyncio.Queue[Report | None], None] = {}

    @property
    def listeners(self) -> int:
        return len(self._queues)

    def open(self) -> AsyncGenerator[Report]:
        """Reports published from now on, until ``close``, or until too far behind."""
        queue: asyncio.Queue[Report | None] = asyncio.Queue()
        self._queues[queue] = None
        return self._follow(queue)

    def publish(self, report: Report) -> None:
        for queue in tuple(self._queues):
            queue.put_nowait(report)
            if queue.qsize() >= self._capacity:
                self._end(queue)

    def close(self) -> None:
        """End all streams once they have delivered what was published."""
        for queue in tuple(self._queues):
            self._end(queue)

    def _end(self, queue: asyncio.Queue[Report | None]) -> None:
        self._queues.pop(queue, None)
        queue.put_nowait(None)

    async def _follow(self, queue: asyncio.Queue[Report | None]) -> AsyncGenerator[Report]:
        try:
            while (report := await queue.get()) is not None:
                yield report
        finally:
            self._queues.pop(queue, None)
