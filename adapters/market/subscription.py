"""One subscriber's bounded queue, and the async generator it reads."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from types import TracebackType

from domain.market_data import MarketEvent


class Mailbox:
    """The newest events that a subscriber has not taken yet. Not for use across threads."""

    def __init__(self, size: int) -> None:
        self._events: deque[MarketEvent] = deque(maxlen=size)
        self._changed = asyncio.Event()
        self._closed = False

    def put(self, event: MarketEvent) -> bool:
        """Add an event; True if the oldest one had to go for it."""
        dropped = len(self._events) == self._events.maxlen
        self._events.append(event)
        self._changed.set()
        return dropped

    def close(self) -> None:
        self._closed = True
        self._changed.set()

    async def take(self) -> MarketEvent:
        """The oldest event, waiting for one; StopAsyncIteration when closed and empty."""
        while not self._events:
            if self._closed:
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        return self._events.popleft()

    def take_waiting(self, limit: int) -> list[MarketEvent]:
        return [self._events.popleft() for _ in range(min(limit, len(self._events)))]


class Subscription(AsyncGenerator[MarketEvent, None]):
    """Reads a mailbox. Unlike a generator function it is subscribed before it is first iterated."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self.leave: Callable[[], object] = mailbox.close
        """What to call when the reader has had enough."""

    def take_waiting(self, limit: int) -> list[MarketEvent]:
        """At most ``limit`` events that are there already, the oldest first."""
        return self._mailbox.take_waiting(limit)

    async def asend(self, value: None) -> MarketEvent:
        return await self._mailbox.take()

    async def athrow(
        self,
        typ: type[BaseException] | BaseException,
        val: BaseException | object = None,
        tb: TracebackType | None = None,
    ) -> MarketEvent:
        self.leave()
        raise typ

    async def aclose(self) -> None:
        self.leave()
