"""The log on a real server under faults: what is stored is what was acknowledged, once."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg
import pytest

from domain.log import Appended, EventLog, LogFailed, LogUnavailable, NewEvent, RecordedEvent
from infra.embedded.postgres import EmbeddedPostgres
from infra.log.postgres import PostgresEventLog
from tests.contract.events import all_of, new_event, new_events, take

if TYPE_CHECKING:
    from asyncpg import Connection, Record

HEAD = "select coalesce(max(position), 0) from log.events"
ROOT = Path(__file__).parents[4]
BACKENDS = "select pid from pg_stat_activity where application_name like 'patriot log%'"


@asynccontextmanager
async def admin_of(dsn: str) -> "AsyncIterator[Connection[Record]]":
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def insist(log: EventLog, stream: str, event: NewEvent, version: int) -> Appended:
    """As a caller does that has no answer: the same append again."""
    while True:
        try:
            return await log.append(stream, [event], expected_version=version)
        except LogUnavailable:
            continue


async def write(log: EventLog, stream: str, stop: asyncio.Event) -> dict[UUID, int]:
    """One event after the other. The acknowledged positions."""
    acknowledged: dict[UUID, int] = {}
    while not stop.is_set():
        event = new_event()
        appended = await insist(log, stream, event, len(acknowledged))
        acknowledged[event.id] = appended.position
    return acknowledged


@asynccontextmanager
async def written_meanwhile(log: EventLog, streams: int) -> AsyncIterator[dict[UUID, int]]:
    """Many callers append until the end of the block; then it holds what was acknowledged."""
    acknowledged: dict[UUID, int] = {}
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as callers:
        writing = [callers.create_task(write(log, f"order-{i}", stop)) for i in range(streams)]
        try:
            yield acknowledged
        finally:
            stop.set()
    for task in writing:
        acknowledged |= task.result()


def check(recorded: list[RecordedEvent], acknowledged: dict[UUID, int]) -> None:
    """Dense, in order, and exactly what was acknowledged where it was acknowledged."""
    assert [event.position for event in recorded] == list(range(1, len(recorded) + 1))
    assert {event.id: event.position for event in recorded} == acknowledged


async def test_backends_that_are_terminated(postgres_dsn: str) -> None:
    """Every connection of the log dies, again and again, while it appends and is followed."""
    async with PostgresEventLog.open(postgres_dsn) as log, admin_of(postgres_dsn) as admin:
        subscription = log.subscribe(page_size=17)
        following = asyncio.create_task(take(subscription, 300))
        async with written_meanwhile(log, 16) as acknowledged:
            for _ in range(10):
                await admin.fetch(f"select pg_terminate_backend(pid) from ({BACKENDS}) as b")
                goal = await admin.fetchval(HEAD) + 30
                while await admin.fetchval(HEAD) < goal:
                    pass
        recorded = await all_of(log.read_all())
        check(recorded, acknowledged)
        seen = await following
        seen += await take(subscription, len(recorded) - len(seen))
        assert seen == recorded
        await subscription.aclose()


async def test_a_server_that_crashes(durable_postgres_server: EmbeddedPostgres) -> None:
    """A backend is killed outright: the server drops everybody and recovers from its log."""
    async with admin_of(durable_postgres_server.dsn) as admin:
        await admin.execute("create database crashing")
    dsn = durable_postgres_server.dsn_of("crashing")
    async with PostgresEventLog.open(dsn) as log:
        async with written_meanwhile(log, 8) as acknowledged:
            await follow_until(log, 100)
            async with admin_of(dsn) as admin:
                (victim, *_) = await admin.fetch(BACKENDS)
                os.kill(victim["pid"], signal.SIGKILL)
                with suppress(asyncpg.PostgresError):
                    await admin.fetch("select pg_sleep(30)")
            await follow_until(log, 500)
        check(await all_of(log.read_all()), acknowledged)


async def test_processes_that_write_at_once_and_are_killed(postgres_dsn: str) -> None:
    async with PostgresEventLog.open(postgres_dsn) as log:
        async with asyncio.TaskGroup() as processes:
            running = [
                processes.create_task(acknowledged_until_killed(postgres_dsn, name, 300))
                for name in ("a", "b", "c")
            ]
            seen = processes.create_task(follow_until(log, 900))
        recorded = await all_of(log.read_all())
        assert [event.position for event in recorded] == list(range(1, len(recorded) + 1))
        places = {str(event.id): event.position for event in recorded}
        for task in running:
            for position, id_ in task.result():
                assert places[id_] == position
        assert seen.result() == recorded[: len(seen.result())]


async def acknowledged_until_killed(dsn: str, name: str, number: int) -> list[tuple[int, str]]:
    """What a process acknowledged before it was killed: so many appends, and what was under way."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.infra.log.postgres.append_process", dsn, name, "4"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    lines = [await process.stdout.readline() for _ in range(number)]
    process.kill()
    rest = await process.stdout.read()
    await process.wait()
    lines += rest[: rest.rfind(b"\n") + 1].splitlines()
    places = [line.decode().split() for line in lines]
    return [(int(position), id_) for position, id_ in places]


async def follow_until(log: EventLog, number: int) -> list[RecordedEvent]:
    subscription = log.subscribe(page_size=10)
    try:
        return await take(subscription, number)
    finally:
        await subscription.aclose()


async def test_an_id_that_stands_elsewhere_fails_only_its_caller(postgres_dsn: str) -> None:
    taken = new_event()
    async with PostgresEventLog.open(postgres_dsn) as log:
        await log.append("order-taken", [taken], expected_version=0)
        appends = [log.append(f"order-{i}", new_events(2), expected_version=0) for i in range(10)]
        elsewhere = [
            log.append("order-other", [new_event(), taken], expected_version=0),
            log.append("order-taken", [taken], expected_version=1),
        ]
        results = await asyncio.gather(*appends, *elsewhere, return_exceptions=True)
        assert [type(result) for result in results] == [Appended] * 10 + [LogFailed] * 2
        assert await log.head() == 21
        assert await all_of(log.read_stream("order-other")) == []
        await log.append("order-other", [new_event()], expected_version=0)


@pytest.mark.parametrize("state", ["53100", "58030", "XX001"], ids=["disk", "io", "corrupt"])
async def test_a_server_that_cannot_store_ends_all_appends(postgres_dsn: str, state: str) -> None:
    """Until the log is opened anew: what the disk did is for people to look at."""
    async with PostgresEventLog.open(postgres_dsn) as log, admin_of(postgres_dsn) as admin:
        await log.append("order-1", [new_event()], expected_version=0)
        await admin.execute(
            "create function fail() returns trigger language plpgsql as "
            f"$$ begin raise exception 'broken' using errcode = '{state}'; end $$;"
            "create trigger fail before insert on log.events execute function fail()"
        )
        with pytest.raises(LogFailed):
            await log.append("order-1", [new_event()], expected_version=1)
        await admin.execute("drop trigger fail on log.events")
        with pytest.raises(LogFailed):
            await log.append("order-1", [new_event()], expected_version=1)
        assert await log.head() == 1
    async with PostgresEventLog.open(postgres_dsn) as log:
        await log.append("order-1", [new_event()], expected_version=1)
        assert await log.head() == 2


async def test_a_database_that_is_not_there() -> None:
    with pytest.raises(LogUnavailable):
        async with PostgresEventLog.open("postgresql://postgres@127.0.0.1:1/none"):
            raise AssertionError("opened")


async def test_reads_and_appends_after_closing(postgres_dsn: str) -> None:
    async with PostgresEventLog.open(postgres_dsn) as log:
        pass
    with pytest.raises(LogFailed, match="closed"):
        await log.append("order-1", [new_event()], expected_version=0)
    with pytest.raises(LogFailed, match="closed"):
        await log.head()
    with pytest.raises(LogFailed, match="closed"):
        await all_of(log.read_all())
