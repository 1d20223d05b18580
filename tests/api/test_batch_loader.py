"""Many reads, few queries, and each reader gets its own answer."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import pytest

from api.reads.batch_loader import MAX_BATCH, BatchLoader, NotRunning


class Table:
    """Answers once ``open`` is set; keys that start with ``x`` are not there."""

    def __init__(self) -> None:
        self.queries: list[list[str]] = []
        self.open = asyncio.Event()
        self.asked = asyncio.Event()
        self.error: Exception | None = None
        self.loader = BatchLoader(self._fetch)

    async def _fetch(self, keys: Sequence[str]) -> Mapping[str, str]:
        self.queries.append(list(keys))
        self.asked.set()
        await self.open.wait()
        if self.error:
            raise self.error
        return {key: key.upper() for key in keys if not key.startswith("x")}


@asynccontextmanager
async def running(table: Table, loaders: int = 1) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        running = table.loader.start(tasks, loaders)
        yield
        for task in running:
            task.cancel()


async def test_what_is_asked_while_a_query_is_under_way_is_one_query() -> None:
    table = Table()
    async with running(table):
        first = asyncio.create_task(table.loader.load("a"))
        await table.asked.wait()
        later = [asyncio.create_task(table.loader.load(key)) for key in ("b", "c", "b", "x")]
        await asyncio.sleep(0)
        table.open.set()
        assert await first == "A"
        assert await asyncio.gather(*later) == ["B", "C", "B", None]
    assert table.queries == [["a"], ["b", "c", "x"]]


async def test_a_key_is_never_answered_by_a_query_from_before_it_was_asked() -> None:
    table = Table()
    async with running(table):
        first = asyncio.create_task(table.loader.load("a"))
        await table.asked.wait()
        again = asyncio.create_task(table.loader.load("a"))
        await asyncio.sleep(0)
        table.open.set()
        await asyncio.gather(first, again)
    assert table.queries == [["a"], ["a"]]


async def test_batches_are_bounded() -> None:
    table = Table()
    table.open.set()
    async with running(table):
        keys = [str(number) for number in range(MAX_BATCH * 2 + 1)]
        assert await asyncio.gather(*map(table.loader.load, keys)) == keys
    assert [len(query) for query in table.queries] == [MAX_BATCH, MAX_BATCH, 1]


async def test_a_failed_query_fails_its_askers_only() -> None:
    table = Table()
    table.open.set()
    async with running(table):
        table.error = OSError("down")
        answers = await asyncio.gather(
            table.loader.load("a"), table.loader.load("b"), return_exceptions=True
        )
        assert [str(answer) for answer in answers] == ["down", "down"]
        table.error = None
        assert await table.loader.load("c") == "C"


async def test_an_asker_that_gives_up_harms_nobody() -> None:
    table = Table()
    async with running(table):
        impatient = asyncio.create_task(table.loader.load("a"))
        patient = asyncio.create_task(table.loader.load("a"))
        await table.asked.wait()
        impatient.cancel()
        await asyncio.sleep(0)
        table.open.set()
        assert await patient == "A"


async def test_nobody_waits_for_a_loader_that_does_not_run() -> None:
    table = Table()
    with pytest.raises(NotRunning):
        await table.loader.load("a")
    async with running(table):
        waiting = asyncio.create_task(table.loader.load("a"))
        await table.asked.wait()
    with pytest.raises(asyncio.CancelledError):
        await waiting
