"""Handling the log's events one after another within a stream, and streams side by side."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, aclosing, nullcontext

from domain.checkpoint import Checkpoints
from domain.log import CaughtUp, EventFilter, EventLog, RecordedEvent

Handler = Callable[[RecordedEvent], Awaitable[None]]

Surroundings = Callable[[RecordedEvent], AbstractContextManager[None]]
"""What is entered while an event is handled: telemetry, which the domain knows nothing of."""


def no_surroundings(_event: RecordedEvent) -> AbstractContextManager[None]:
    return nullcontext()


class LogWorker:
    """Calls a handler for every event, at least once, from where it left off.

    The checkpoint moves when a page is done, so a handler sees some events again after a crash.
    A handler that raises stops the worker: no event is skipped.
    """

    def __init__(
        self,
        *,
        name: str,
        log: EventLog,
        checkpoints: Checkpoints,
        only: EventFilter,
        handler: Handler,
        within: Surroundings = no_surroundings,
        side_by_side: int = 64,
    ) -> None:
        self.name = name
        self.position = 0
        self.caught_up = asyncio.Event()
        self._log = log
        self._checkpoints = checkpoints
        self._only = only
        self._handler = handler
        self._within = within
        self._slots = asyncio.Semaphore(side_by_side)

    async def run(self) -> None:
        """Until cancelled."""
        self.position = await self._checkpoints.load(self.name)
        async with aclosing(
            self._log.subscribe(after=self.position, only=self._only)
        ) as subscription:
            async for page in subscription:
                if isinstance(page, CaughtUp):
                    self.caught_up.set()
                else:
                    await self._handle(page)
                    self.position = page[-1].position
                    await self._checkpoints.save(self.name, self.position)

    async def _handle(self, page: Sequence[RecordedEvent]) -> None:
        async with asyncio.TaskGroup() as group:
            for events in _by_stream(page).values():
                group.create_task(self._handle_stream(events))

    async def _handle_stream(self, events: Sequence[RecordedEvent]) -> None:
        async with self._slots:
            for event in events:
                with self._within(event):
                    await self._handler(event)


def _by_stream(page: Sequence[RecordedEvent]) -> dict[str, list[RecordedEvent]]:
    streams: dict[str, list[RecordedEvent]] = {}
    for event in page:
        streams.setdefault(event.stream, []).append(event)
    return streams
