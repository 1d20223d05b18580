"""Work on many orders side by side, and on one order in turn."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

Work = Callable[[], Awaitable[None]]


class Lanes:
    """``put`` work under a key from within the task group; ``room`` waits while too much is held.

    Work of one key is done in the order it was put. What work raises ends the task group.
    """

    def __init__(self, group: asyncio.TaskGroup, capacity: int) -> None:
        self._group = group
        self._capacity = capacity
        self._held = 0
        self._waiting: dict[str, deque[Work]] = {}
        self._done = asyncio.Event()

    async def room(self) -> None:
        while self._held >= self._capacity:
            self._done.clear()
            await self._done.wait()

    def put(self, key: str, work: Work) -> None:
        self._held += 1
        lane = self._waiting.get(key)
        if lane is not None:
            lane.append(work)
            return
        self._waiting[key] = deque([work])
        driving = self._drive(key)
        try:
            self._group.create_task(driving)
        except RuntimeError:
            # The group is ending, and with it whoever puts work: it only does not know yet.
            driving.close()
            raise asyncio.CancelledError from None

    async def _drive(self, key: str) -> None:
        lane = self._waiting[key]
        try:
            while lane:
                work = lane.popleft()
                await work()
                self._held -= 1
                self._done.set()
        finally:
            del self._waiting[key]
