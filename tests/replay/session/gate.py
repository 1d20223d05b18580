"""A gate in the log: readers behind it see the log up to a position, and no further yet."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import datetime

from domain.forwarding_log import ForwardingLog
from domain.log import (
    DEFAULT_PAGE,
    EVERYTHING,
    START,
    CaughtUp,
    EventFilter,
    EventLog,
    RecordedEvent,
)

WIDE_OPEN = 2**63 - 1


class Gate:
    """Shut at the start; it only ever opens further."""

    def __init__(self) -> None:
        self.position = START
        self._opened = asyncio.Event()

    def open_to(self, position: int) -> None:
        self.position = max(self.position, position)
        self._opened.set()
        self._opened = asyncio.Event()

    async def until_beyond(self, position: int) -> None:
        """Wait until what stands at a position may pass."""
        while self.position < position:
            await self._opened.wait()


class GatedLog(ForwardingLog):
    """The log as one has it who reads behind the gate."""

    def __init__(self, log: EventLog, gate: Gate) -> None:
        super().__init__(log)
        self._gate = gate

    def read_stream(
        self, stream: str, *, after_version: int = 0, page_size: int = DEFAULT_PAGE
    ) -> AsyncGenerator[Sequence[RecordedEvent]]:
        raise NotImplementedError("a stream does not say where the gate is")

    def read_all(
        self,
        *,
        after: int = START,
        until: int | None = None,
        until_time: datetime | None = None,
        only: EventFilter = EVERYTHING,
        page_size: int = DEFAULT_PAGE,
    ) -> AsyncGenerator[Sequence[RecordedEvent]]:
        bound = self._gate.position if until is None else min(until, self._gate.position)
        return self._log.read_all(
            after=after, until=bound, until_time=until_time, only=only, page_size=page_size
        )

    def read_back(
        self, *, until: int | None = None, page_size: int = DEFAULT_PAGE
    ) -> AsyncGenerator[Sequence[RecordedEvent]]:
        bound = self._gate.position if until is None else min(until, self._gate.position)
        return self._log.read_back(until=bound, page_size=page_size)

    async def subscribe(
        self, *, after: int = START, only: EventFilter = EVERYTHING, page_size: int = DEFAULT_PAGE
    ) -> AsyncGenerator[Sequence[RecordedEvent] | CaughtUp]:
        news = self._log.subscribe(after=after, only=only, page_size=page_size)
        async with aclosing(news):
            async for page in news:
                if isinstance(page, CaughtUp):
                    yield page
                    continue
                waiting = page
                while waiting:
                    await self._gate.until_beyond(waiting[0].position)
                    through = [each for each in waiting if each.position <= self._gate.position]
                    yield through
                    waiting = waiting[len(through) :]

    async def head(self) -> int:
        return min(await self._log.head(), self._gate.position)
