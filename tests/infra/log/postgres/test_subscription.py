"""What wakes a subscription: word from the database, and now and then itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import asyncpg
import pytest

from domain.log import EVERYTHING, START, CaughtUp, EventFilter
from infra.log.postgres import PostgresEventLog, subscription
from infra.log.postgres.connection import open_readers
from infra.log.postgres.reader import Reader
from infra.log.postgres.subscription import follow
from tests.contract.events import all_of, append_each, new_event, new_events, take, until_caught_up


@pytest.fixture
async def reader(postgres_dsn: str) -> AsyncIterator[Reader]:
    async with await open_readers(postgres_dsn, 2) as pool:
        yield Reader(pool)


@pytest.fixture
async def log(postgres_dsn: str) -> AsyncIterator[PostgresEventLog]:
    async with PostgresEventLog.open(postgres_dsn) as log:
        yield log


@pytest.fixture
def never_looks_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscription, "POLL_SECONDS", 3_600.0)


@pytest.mark.usefixtures("never_looks_by_itself")
async def test_an_append_of_another_process_wakes_it(
    log: PostgresEventLog, postgres_dsn: str
) -> None:
    async with (
        PostgresEventLog.open(postgres_dsn) as other,
        aclosing(other.subscribe()) as news,
    ):
        await until_caught_up(news)
        for version in range(50):
            appended = await log.append("order-1", [new_event()], expected_version=version)
            (event,) = await take(news, 1)
            assert event.position == appended.position


@pytest.mark.usefixtures("never_looks_by_itself")
async def test_no_wake_up_is_lost_while_it_looks(log: PostgresEventLog) -> None:
    async with aclosing(log.subscribe(page_size=3)) as news:
        async with asyncio.TaskGroup() as writers:
            for number in range(8):
                writers.create_task(append_each(log, f"order-{number}", new_events(40)))
            received = await take(news, 320)
        assert received == await all_of(log.read_all())


@pytest.mark.usefixtures("never_looks_by_itself")
async def test_the_listening_connection_is_made_again(
    log: PostgresEventLog, postgres_dsn: str
) -> None:
    """What was appended while nobody listened is delivered, and what comes then."""
    admin = await asyncpg.connect(postgres_dsn)
    async with aclosing(log.subscribe()) as news:
        for version in range(0, 6, 2):
            await until_caught_up(news)
            await admin.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where query ilike 'listen%' and datname = current_database()"
            )
            await log.append("order-1", [new_event()], expected_version=version)
            assert len(await until_caught_up(news)) == 1
            await log.append("order-1", [new_event()], expected_version=version + 1)
            assert len(await take(news, 1)) == 1
    await admin.close()


async def test_without_word_it_looks_by_itself(
    log: PostgresEventLog, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "POLL_SECONDS", 0.01)
    nothing_heard = asyncio.Event()
    async with aclosing(follow(reader, nothing_heard, START, EVERYTHING, 10)) as news:
        assert await until_caught_up(news) == []
        await log.append("order-1", new_events(2), expected_version=0)
        assert len(await take(news, 2)) == 2


async def test_one_connection_listens_for_all(log: PostgresEventLog, postgres_dsn: str) -> None:
    subscriptions = [log.subscribe() for _ in range(20)]
    for each in subscriptions:
        await until_caught_up(each)
    async with await open_readers(postgres_dsn, 1) as pool:
        listening = await pool.fetchval(
            "select count(*) from pg_stat_activity"
            " where query ilike 'listen%' and datname = current_database()"
        )
    assert listening == 1
    for each in subscriptions:
        await each.aclose()


async def test_it_says_again_after_each_delivery_that_it_has_caught_up(
    log: PostgresEventLog,
) -> None:
    async with aclosing(log.subscribe()) as news:
        assert await until_caught_up(news) == []
        for version in range(3):
            await log.append("order-1", [new_event()], expected_version=version)
            assert len(await until_caught_up(news)) == 1


async def test_it_does_not_say_so_for_what_its_filter_keeps_out(
    log: PostgresEventLog, reader: Reader
) -> None:
    wakeup = asyncio.Event()
    only = EventFilter(types=frozenset({"Filled"}))
    async with aclosing(follow(reader, wakeup, START, only, 10)) as news:
        assert await until_caught_up(news) == []
        following = asyncio.ensure_future(anext(news))
        for version in range(5):
            await log.append("order-1", [new_event("Placed")], expected_version=version)
            wakeup.set()
            await log.head()
        appended = await log.append("order-1", [new_event("Filled")], expected_version=5)
        wakeup.set()
        page = await following
        assert not isinstance(page, CaughtUp)
        assert [event.position for event in page] == [appended.position]


async def test_it_waits_for_a_position_the_log_has_not_reached(log: PostgresEventLog) -> None:
    async with aclosing(log.subscribe(after=2)) as news:
        assert await until_caught_up(news) == []
        for version in range(4):
            await log.append("order-1", [new_event()], expected_version=version)
        assert [event.position for event in await take(news, 2)] == [3, 4]
