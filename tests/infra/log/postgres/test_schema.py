"""The schema appears by itself, once, and shows operators what the log holds."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import asyncpg

from infra.log.postgres import PostgresEventLog
from infra.log.postgres.connection import connect_writer, prepare_database
from tests.contract.events import all_of, new_event


async def test_many_processes_may_create_it_at_once(postgres_dsn: str) -> None:
    await asyncio.gather(*(prepare_database(postgres_dsn) for _ in range(8)))
    async with PostgresEventLog.open(postgres_dsn) as log:
        assert await log.head() == 0


async def test_it_is_left_alone_where_it_stands(postgres_dsn: str) -> None:
    """So a role without the right to create may open a log that is there."""
    await prepare_database(postgres_dsn)
    connection = await asyncpg.connect(postgres_dsn)
    try:
        table = "select xmin::text from pg_proc where proname = 'append'"
        before = await connection.fetchval(table)
        await prepare_database(postgres_dsn)
        assert await connection.fetchval(table) == before
    finally:
        await connection.close()


async def test_operators_read_json(postgres_dsn: str) -> None:
    """One event that is not JSON, or not JSON to PostgreSQL, does not hide the others."""
    contents = [
        '{"note":"Zürich 東京"}'.encode(),
        rb'{"note":"\u0000"}',
        b"not JSON",
        b"\xff\x00",
        b'{"n":1}',
    ]
    async with PostgresEventLog.open(postgres_dsn) as log:
        events = [new_event(data=data) for data in contents]
        await log.append("order-1", events, expected_version=0)
    connection = await asyncpg.connect(postgres_dsn)
    try:
        rows = await connection.fetch("select data from log.readable_events order by position")
    finally:
        await connection.close()
    assert [json.loads(row["data"]) for row in rows] == [
        {"note": "Zürich 東京"},
        r'{"note":"\\u0000"}',
        "not JSON",
        r"\377\000",
        {"n": 1},
    ]


async def test_the_recorded_time_waits_for_a_clock_that_went_back(postgres_dsn: str) -> None:
    ahead = datetime.now(UTC) + timedelta(days=1)
    async with PostgresEventLog.open(postgres_dsn) as log:
        connection = await asyncpg.connect(postgres_dsn)
        try:
            await connection.execute(
                "insert into log.events values (1, 'a', 1, gen_random_uuid(), 'A', '', '', $1)",
                ahead,
            )
        finally:
            await connection.close()
        await log.append("order-1", [new_event()], expected_version=0)
        first, second = await all_of(log.read_all())
        assert first.recorded_at == second.recorded_at == ahead
        assert await all_of(log.read_all(until_time=ahead - timedelta(seconds=1))) == []


async def test_the_writer_is_durable_whatever_the_defaults(postgres_dsn: str) -> None:
    admin = await asyncpg.connect(postgres_dsn)
    try:
        await admin.execute(
            f'alter database "{await admin.fetchval("select current_database()")}" '
            "set synchronous_commit = off"
        )
    finally:
        await admin.close()
    writer = await connect_writer(postgres_dsn)
    try:
        assert await writer.fetchval("show synchronous_commit") == "on"
    finally:
        await writer.close()


async def test_a_closed_log_leaves_no_connection(postgres_dsn: str) -> None:
    async with PostgresEventLog.open(postgres_dsn) as log:
        await log.append("order-1", [new_event()], expected_version=0)
        reads = [log.read_all() for _ in range(5)]
        subscriptions = [log.subscribe() for _ in range(5)]
        for reader in reads:
            await anext(reader)
        for subscription in subscriptions:
            await anext(subscription)
    for generator in (*reads, *subscriptions):
        await generator.aclose()
    connection = await asyncpg.connect(postgres_dsn)
    try:
        count = "select count(*) from pg_stat_activity where application_name like 'patriot log%'"
        async with asyncio.timeout(10):
            while await connection.fetchval(count):  # the server notices by and by
                pass
    finally:
        await connection.close()
