"""Appends to EventStoreDB: one long-lived stream against the client's own call for each append.

The double runs in a process of its own, so that the client's CPU is what is measured.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Final
from uuid import UUID

from esdbclient import AsyncEventStoreDBClient, StreamState
from esdbclient import NewEvent as ClientEvent

from domain.log import NewEvent
from infra.log.eventstoredb import EventStoreDBEventLog
from tests.benchmarks.harness import Bench, Result

CALLERS: Final = 32
APPENDS: Final = 3_000
GOAL: Final = 1.5

DATA: Final = b'{"order_id":"8c1f","symbol":"BTCUSDT","quantity":"0.50000000","price":"%s"}' % (
    b"1" * 200
)
METADATA: Final = b'{"$correlationId":"0b5a","$causationId":"77aa","schema_version":1}'

Append = Callable[[int], Awaitable[object]]

_numbers = count(1)


async def run(bench: Bench) -> list[Result]:
    appends = bench.scaled(APPENDS, least=CALLERS)
    async with running_double() as uri, both(uri) as (ours, theirs):
        return [
            await bench.compare(
                "append to EventStoreDB, 32 callers, one event each",
                "appends/s",
                lambda: rate_of(ours, appends),
                reference="esdbclient's append_to_stream",
                theirs=lambda: rate_of(theirs, appends),
                goal=GOAL,
            )
        ]


@asynccontextmanager
async def both(uri: str) -> AsyncIterator[tuple[Append, Append]]:
    """Our append and the client's, each taking the number of the event."""
    client = AsyncEventStoreDBClient(uri)
    await client.connect()
    async with EventStoreDBEventLog.open(uri) as log:

        async def ours(number: int) -> object:
            event = NewEvent(UUID(int=number), "OrderPlaced", DATA, METADATA)
            return await log.append(f"order-{number}", [event], expected_version=0)

        async def theirs(number: int) -> object:
            event = ClientEvent("OrderPlaced", DATA, METADATA, id=UUID(int=number))
            return await client.append_to_stream(
                f"order-{number}", current_version=StreamState.NO_STREAM, events=[event]
            )

        yield ours, theirs
    await client.close()


async def rate_of(append: Append, appends: int) -> float:
    """Appends a second from so many callers at once."""

    async def caller() -> None:
        for _ in range(appends // CALLERS):
            await append(next(_numbers))

    start = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return (appends // CALLERS * CALLERS) / (time.perf_counter() - start)


@asynccontextmanager
async def running_double() -> AsyncIterator[str]:
    """The URI of a double in another process, which ends with its standard input."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.doubles.eventstoredb",
        cwd=Path(__file__).parents[2],
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.stdin.close()
        await process.wait()
