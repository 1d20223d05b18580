"""Word of new events from the database to every subscription of this process."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncpg import Connection, Record

    Connect = Callable[[Callable[..., None]], Awaitable[Connection[Record]]]
    """Opens a connection that calls back at every append."""


class Wakeups:
    """One listening connection, opened with the first subscription and again whenever it is lost.

    A wake-up may be spurious; one may be missing while there is no connection, so all are woken
    when there is one again, and subscriptions look by themselves now and then.
    """

    def __init__(self, connect: "Connect") -> None:
        self._connect = connect
        self._watchers: set[asyncio.Event] = set()
        self._task: asyncio.Task[None] | None = None

    @contextmanager
    def watch(self) -> Iterator[asyncio.Event]:
        """An event that is set when the log may have grown."""
        if self._task is None:
            self._task = asyncio.create_task(self._listen(), name="log listener")
        watcher = asyncio.Event()
        self._watchers.add(watcher)
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)

    def wake(self) -> None:
        for watcher in self._watchers:
            watcher.set()

    async def close(self) -> None:
        self.wake()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _listen(self) -> None:
        while True:
            connection = await self._connect(lambda *_: self.wake())
            try:
                await self._stay(connection)
            finally:
                connection.terminate()

    async def _stay(self, connection: "Connection[Record]") -> None:
        lost = asyncio.Event()
        connection.add_termination_listener(lambda *_: lost.set())
        self.wake()
        if not connection.is_closed():
            await lost.wait()
