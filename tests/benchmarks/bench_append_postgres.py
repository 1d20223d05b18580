"""Appends to the PostgreSQL log: 32 callers, one event each, durable when they return.

Against the least that could work, a loop that gathers waiting rows and inserts them with one
statement on one connection, into a table of the same columns and indexes; and against the
PostgreSQL recorder of eventsourcing, which takes one event a call from as many threads.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

import asyncpg
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.conninfo import conninfo_to_dict

from domain.log import NewEvent
from infra.log.postgres import PostgresEventLog
from tests.benchmarks.harness import Bench, Result

if TYPE_CHECKING:
    from asyncpg import Connection, Record

CALLERS: Final = 32
APPENDS: Final = 16_000
RECORDER_APPENDS: Final = 3_200
BARE_GOAL: Final = 0.7
RECORDER_GOAL: Final = 3.0

TYPE: Final = "OrderPlaced"
DATA: Final = b'{"order_id":"8c1f","symbol":"BTCUSDT","quantity":"0.50000000","price":"%s"}' % (
    b"1" * 150
)
METADATA: Final = b'{"$correlationId":"0b5a","$causationId":"77aa","schema_version":1}'

Append = Callable[[int], Awaitable[object]]

_numbers = count(1)


async def run(bench: Bench) -> list[Result]:
    appends = bench.scaled(APPENDS, least=CALLERS)
    few = bench.scaled(RECORDER_APPENDS, least=CALLERS)
    async with (
        PostgresEventLog.open(bench.postgres_dsn) as log,
        bare_loop(bench.postgres_dsn) as bare,
        recorder(bench.postgres_dsn) as recorded,
    ):

        async def ours(number: int) -> object:
            event = NewEvent(UUID(int=number), TYPE, DATA, METADATA)
            return await log.append(f"order-{number}", [event], expected_version=0)

        name = "append to Postgres, 32 callers, one event each"
        return [
            await bench.compare(
                name,
                "appends/s",
                lambda: rate_of(ours, appends),
                reference="bare group-committing insert loop, same rows",
                theirs=lambda: rate_of(bare, appends),
                goal=BARE_GOAL,
            ),
            await bench.compare(
                f"{name} (peer)",
                "appends/s",
                lambda: rate_of(ours, appends),
                reference="eventsourcing's PostgreSQL recorder",
                theirs=lambda: rate_of(recorded, few),
                goal=RECORDER_GOAL,
            ),
        ]


async def rate_of(append: Append, appends: int) -> float:
    """Appends a second from so many callers at once."""

    async def caller() -> None:
        for _ in range(appends // CALLERS):
            await append(next(_numbers))

    start = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return (appends // CALLERS * CALLERS) / (time.perf_counter() - start)


@asynccontextmanager
async def bare_loop(dsn: str) -> AsyncIterator[Append]:
    """Rows are inserted as they come; nothing is checked, a failure fails everybody."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(_sql("bare_events"))
    waiting: asyncio.Queue[tuple[int, asyncio.Future[None]]] = asyncio.Queue()
    task = asyncio.create_task(_insert_all(connection, waiting))

    async def append(number: int) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.put_nowait((number, done))
        await done

    yield append
    task.cancel()
    await asyncio.wait([task])
    await connection.close()


async def _insert_all(
    connection: "Connection[Record]", waiting: asyncio.Queue[tuple[int, asyncio.Future[None]]]
) -> None:
    statement = await connection.prepare(_sql("bare_append"))
    while True:
        batch = [await waiting.get()]
        while not waiting.empty():
            batch.append(waiting.get_nowait())
        numbers = [number for number, _ in batch]
        size = len(batch)
        await statement.fetch(
            numbers,
            [f"order-{number}" for number in numbers],
            [1] * size,
            [UUID(int=number) for number in numbers],
            [TYPE] * size,
            [DATA] * size,
            [METADATA] * size,
        )
        for _, done in batch:
            done.set_result(None)


@asynccontextmanager
async def recorder(dsn: str) -> AsyncIterator[Append]:
    parts = conninfo_to_dict(dsn)
    with (
        PostgresDatastore(
            dbname=str(parts["dbname"]),
            host=str(parts["host"]),
            port=str(parts["port"]),
            user=str(parts["user"]),
            password=str(parts.get("password") or ""),
            pool_size=CALLERS,
        ) as datastore,
        ThreadPoolExecutor(CALLERS) as threads,
    ):
        events = PostgresApplicationRecorder(datastore)
        events.create_table()

        def insert(number: int) -> None:
            events.insert_events([StoredEvent(UUID(int=number), 1, TYPE, DATA + METADATA)])

        async def append(number: int) -> None:
            await asyncio.get_running_loop().run_in_executor(threads, insert, number)

        yield append


def _sql(name: str) -> str:
    return Path(__file__).with_name(f"{name}.sql").read_text("utf-8")
