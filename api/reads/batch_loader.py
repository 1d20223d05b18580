"""Many concurrent reads by key in one query."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

Value = TypeVar("Value")

MAX_BATCH = 200


class NotRunning(Exception):
    """The loader has not been started, or has been stopped."""


class BatchLoader(Generic[Value]):
    """Collects the keys asked for while a query is under way, and asks for all of them at once.

    A key is looked up after it was asked for, never before, so an answer is never older than its
    question.
    """

    def __init__(self, fetch: Callable[[Sequence[str]], Awaitable[Mapping[str, Value]]]) -> None:
        self._fetch = fetch
        self._waiting: dict[str, list[asyncio.Future[Value | None]]] = {}
        self._asked = asyncio.Event()
        self._running = 0

    async def load(self, key: str) -> Value | None:
        """The value, None if there is none.

        Raises what ``fetch`` raises, and NotRunning if nobody would ever answer.
        """
        if not self._running:
            raise NotRunning
        answer: asyncio.Future[Value | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(answer)
        self._asked.set()
        return await answer

    def start(self, tasks: asyncio.TaskGroup, count: int) -> Sequence["asyncio.Task[None]"]:
        """Answer until the tasks are cancelled; ``count`` of them overlap their queries."""
        self._running += count
        return [tasks.create_task(self._run()) for _ in range(count)]

    async def _run(self) -> None:
        try:
            while True:
                await self._asked.wait()
                if batch := self._take():
                    await self._answer(batch)
        finally:
            self._running -= 1

    def _take(self) -> dict[str, list[asyncio.Future[Value | None]]]:
        batch = {key: self._waiting.pop(key) for key in list(self._waiting)[:MAX_BATCH]}
        if not self._waiting:
            self._asked.clear()
        return batch

    async def _answer(self, batch: Mapping[str, list[asyncio.Future[Value | None]]]) -> None:
        try:
            found = await self._fetch(list(batch))
        except Exception as error:  # noqa: BLE001  # each asker gets it, and decides
            for _, answer in _open(batch):
                answer.set_exception(error)
        except asyncio.CancelledError:
            for _, answer in _open(batch):
                answer.cancel()
            raise
        else:
            for key, answer in _open(batch):
                answer.set_result(found.get(key))


def _open(
    batch: Mapping[str, list[asyncio.Future[Value | None]]],
) -> Sequence[tuple[str, asyncio.Future[Value | None]]]:
    """The askers that still wait: others may have been cancelled."""
    return [(key, one) for key, answers in batch.items() for one in answers if not one.done()]
