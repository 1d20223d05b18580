"""Whatever stops a rebuild: it says so, leaves nothing that is trusted, and goes on to the same."""

import asyncio
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from msgspec.structs import replace

from domain.log import LogError, LogUnavailable, RecordedEvent
from infra.log.postgres.log import PostgresEventLog
from replay.manifest import Manifest
from replay.rebuild_run import RebuildFailed
from tests.doubles.memory_log import MemoryEventLog, MemoryStore
from tests.projections.expected import Expected
from tests.projections.faults import CancelAt, KillAt, SteppedConnection, Steps
from tests.projections.history import History, append_all
from tests.replay.rebuilding import Archive, open_archive
from tests.replay.test_manifest import without_run

if TYPE_CHECKING:
    from replay.connection import Connection, Pool

ROOT = Path(__file__).parents[2]
CUT = 90
PAGE = 30
KILLS = 3


@pytest.fixture
async def archive(postgres_dsn: str) -> AsyncIterator[Archive]:
    async with open_archive(postgres_dsn) as opened:
        await opened.append(History(51), 100)
        yield opened


class CopyingConnection(SteppedConnection):
    """One that can copy and tell whether it is closed, as a rebuild wants."""

    def is_closed(self) -> bool:
        return self._connection.is_closed()

    async def copy_from_query(self, query: str, **options: Any) -> str:
        await self._steps.pass_by(self._connection, query)
        return await self._connection.copy_from_query(query, **options)


class CopyingPool:
    def __init__(self, pool: "Pool", steps: Steps) -> None:
        self._pool = pool
        self._steps = steps

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[CopyingConnection]:
        async with self._pool.acquire() as connection:
            yield CopyingConnection(connection, self._steps)


def stepped(pool: "Pool", steps: Steps) -> "Pool":
    return CopyingPool(pool, steps)  # type: ignore[return-value]  # in all that is used of it


async def steps_of_a_rebuild(archive: Archive) -> tuple[int, Manifest]:
    steps = Steps()
    whole = await archive.rebuild(CUT, "whole", pool=stepped(archive.pool, steps), page_size=PAGE)
    return steps.taken, whole


async def assert_goes_on_to(archive: Archive, whole: Manifest, name: str) -> None:
    """What is not usable now becomes what it would have been."""
    if (await archive.states()).get(name) != "usable":
        manifest = await archive.rebuild(CUT, name, page_size=PAGE)
        assert without_run(manifest) == without_run(whole)
    (found,) = [found for found in await archive.rebuilder().all() if found.name == name]
    kept = found.read_manifest()
    assert kept is not None
    assert without_run(kept) == without_run(whole)
    await archive.assert_shows(name, Expected(archive.log.store.events[:CUT]))
    await archive.rebuilder().drop(name)


async def test_cancelled_at_many_steps(archive: Archive) -> None:
    count, whole = await steps_of_a_rebuild(archive)
    for step in range(1, count + 1, 3):
        name = f"step_{step}"
        stopping = stepped(archive.pool, CancelAt(step))
        task = asyncio.create_task(archive.rebuild(CUT, name, pool=stopping, page_size=PAGE))
        await asyncio.wait([task])
        await assert_goes_on_to(archive, whole, name)


async def test_the_session_ends_at_many_steps(archive: Archive) -> None:
    count, whole = await steps_of_a_rebuild(archive)
    for step in range(1, count + 1, 5):
        name = f"step_{step}"
        killing = stepped(archive.pool, KillAt(step, archive.dsn))
        outcome = await asyncio.gather(
            archive.rebuild(CUT, name, pool=killing, page_size=PAGE), return_exceptions=True
        )
        assert isinstance(outcome[0], Manifest | RebuildFailed)
        await assert_goes_on_to(archive, whole, name)


class FullDisk(Steps):
    """The database has no room left from a step on."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self._step = step

    async def pass_by(self, connection: "Connection", statement: str = "") -> None:
        await super().pass_by(connection, statement)
        if self.taken >= self._step and statement.startswith("insert"):
            raise asyncpg.DiskFullError("could not extend file: No space left on device")


async def test_a_full_disk(archive: Archive) -> None:
    count, whole = await steps_of_a_rebuild(archive)
    full = stepped(archive.pool, FullDisk(count // 2))
    with pytest.raises(RebuildFailed, match="No space left"):
        await archive.rebuild(CUT, "past", pool=full, page_size=PAGE)
    assert (await archive.states())["past"] == "unfinished"
    await assert_goes_on_to(archive, whole, "past")


@asynccontextmanager
async def rebuild_process(*arguments: str) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.replay.rebuild_process", *arguments), cwd=ROOT
    )
    try:
        yield
    finally:
        process.kill()
        await process.wait()


async def test_killed_processes(durable_postgres_dsn: str) -> None:
    dsn = durable_postgres_dsn
    async with open_archive(dsn) as archive, PostgresEventLog.open(dsn) as log:
        await append_all(log, list(History(52).events(800)))
        cut = str(await log.head())
        whole = await archive.rebuild(cut, "whole", log=log)
        seen = 0
        for _ in range(KILLS):
            async with rebuild_process(dsn, cut, "past"):
                seen = await beyond(archive, seen)
            assert (await archive.states())["past"] == "unfinished"
            await until_unlocked(archive)
        manifest = await archive.rebuild(cut, "past", log=log)
        assert without_run(manifest) == without_run(whole)


async def beyond(archive: Archive, checkpoint: int) -> int:
    while True:
        found = {found.name: found for found in await archive.rebuilder().all()}
        if "past" in found and found["past"].checkpoint > checkpoint:
            return found["past"].checkpoint
        await asyncio.sleep(0.01)


async def until_unlocked(archive: Archive) -> None:
    """The server has noticed that the process is gone."""
    held = (
        "select exists (select from pg_locks where locktype = 'advisory' and database ="
        " (select oid from pg_database where datname = current_database()) and objsubid = 1)"
    )
    while await archive.connection.fetchval(held):
        await archive.clock.sleep(0.01)


class AwayLog(MemoryEventLog):
    """Goes away after so many pages."""

    def __init__(self, store: MemoryStore, pages: int) -> None:
        super().__init__(store)
        self._left = pages

    async def read_all(self, **bounds: Any) -> AsyncGenerator[Sequence[RecordedEvent]]:
        async for page in super().read_all(**bounds):
            if self._left == 0:
                raise LogUnavailable("no answer")
            self._left -= 1
            yield page


async def test_the_log_goes_away_in_the_middle(archive: Archive) -> None:
    _, whole = await steps_of_a_rebuild(archive)
    for pages in range(6):
        away = AwayLog(archive.log.store, pages)
        with pytest.raises(LogError):
            await archive.rebuild(CUT, "past", log=away, page_size=10)
        assert (await archive.states()).get("past") in (None, "unfinished")
    await assert_goes_on_to(archive, whole, "past")


async def test_a_log_that_ends_too_early_is_not_taken_for_whole(archive: Archive) -> None:
    away = AwayLog(archive.log.store, 5)
    with pytest.raises(LogUnavailable):
        await archive.rebuild(CUT, "past", log=away, page_size=10)
    del archive.log.store.events[60:]
    with pytest.raises(Exception, match="beyond the log's head"):
        await archive.rebuild(CUT, "past")
    assert await archive.states() == {"past": "unfinished"}


class FallingSilentLog(MemoryEventLog):
    """Has nothing more to tell after position 60, and does not say so."""

    async def read_all(self, **bounds: Any) -> AsyncGenerator[Sequence[RecordedEvent]]:
        async for page in super().read_all(**bounds):
            if page[-1].position <= 60 or bounds.get("page_size") != 10:
                yield page


async def test_a_log_that_falls_silent_is_not_taken_for_whole(archive: Archive) -> None:
    silent = FallingSilentLog(archive.log.store)
    with pytest.raises(RebuildFailed, match="ended at position 60, before the cut at 90"):
        await archive.rebuild(CUT, "past", log=silent, page_size=10)
    assert await archive.states() == {"past": "unfinished"}
    await archive.rebuild(CUT, "past")


async def test_another_log_is_not_gone_on_with(archive: Archive) -> None:
    with pytest.raises(LogUnavailable):
        await archive.rebuild(CUT, "past", log=AwayLog(archive.log.store, 5), page_size=10)
    other = MemoryEventLog(MemoryStore(archive.clock.now))
    await append_all(other, list(History(59).events(200)))
    with pytest.raises(RebuildFailed, match="another log"):
        await archive.rebuild(CUT, "past", log=other)


UNFITTING = (
    b'{"aggregate_id":"00000000-0000-4000-8000-000000000001","version":7,'
    b'"occurred_at":"2026-01-01T00:00:00.000001Z","account_id":"a","reason":"x",'
    b'"cum_quantity":"0"}'
)
"""In the middle of an order that has no beginning."""


@pytest.mark.parametrize("page_size", [1, 10, 1_000])
@pytest.mark.parametrize(
    ("type_", "data", "said"),
    [
        ("ThingImagined", b"{}", "unknown event type 'ThingImagined' at position 61"),
        ("OrderCancelled", b'{"no": "order"}', "OrderCancelled at position 61: "),
        ("OrderCancelled", UNFITTING, "OrderCancelled at position 61 cannot be folded: orders: "),
    ],
)
async def test_an_event_that_cannot_be_taken_stops_it_and_says_where(
    archive: Archive, type_: str, data: bytes, said: str, page_size: int
) -> None:
    events = archive.log.store.events
    good = events[60]
    order = "order-00000000-0000-4000-8000-000000000001"
    events[60] = replace(good, type=type_, data=data, stream=order)
    with pytest.raises(RebuildFailed, match=said):
        await archive.rebuild(CUT, "past", page_size=page_size)
    (found,) = await archive.rebuilder().all()
    assert (found.state, found.read_manifest()) == ("unfinished", None)
    assert said in (found.failure or "")
    assert found.checkpoint <= 60

    events[60] = good
    await archive.rebuild(CUT, "past")
    (found,) = await archive.rebuilder().all()
    assert (found.state, found.failure) == ("usable", None)
    await archive.assert_shows("past", Expected(events[:CUT]))


async def test_an_unknown_event_of_no_read_model_stops_it_too(archive: Archive) -> None:
    """Nobody knows what it means; it may mean something."""
    events = archive.log.store.events
    events[60] = replace(events[60], type="WeatherChanged", stream="weather-1")
    with pytest.raises(RebuildFailed, match="'WeatherChanged' at position 61"):
        await archive.rebuild(CUT, "past", ["risk"])
    await archive.rebuild(60, "before", ["risk"])
