"""REST reads of an order by id, 100 clients at once, against a bare Starlette handler.

Both run under uvicorn and uvloop in processes of their own, on the same Postgres, and are asked
over loopback by the same clients: keep-alive connections, one request at a time each.
"""

import asyncio
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib.resources import files
from typing import Final, cast
from uuid import UUID

import asyncpg
from prometheus_client import CollectorRegistry

from api.auth.role import Role
from api.auth.token import mint
from infra.clock import SystemClock, SystemIds
from projections.metrics import ProjectionMetrics
from projections.runner import ProjectionRunner
from tests.api.served import SECRET
from tests.benchmarks.harness import Bench, Result, percentile
from tests.doubles.memory_log import MemoryEventLog

ORDERS: Final = 10_000
CLIENTS: Final = 100
REQUESTS: Final = 6_000
GOAL: Final = 0.5
P95_LIMIT_MS: Final = 100.0

_SEED = files("tests.benchmarks").joinpath("rest_seed.sql").read_text(encoding="utf-8")


async def run(bench: Bench) -> list[Result]:
    await seed(bench.postgres_dsn)
    requests = bench.scaled(REQUESTS, least=CLIENTS)
    latencies: list[float] = []
    async with (
        server("ours", bench.postgres_dsn) as ours_port,
        server("bare", bench.postgres_dsn) as bare_port,
    ):
        header = f"Authorization: Bearer {token()}\r\n"

        async def ours() -> float:
            return await load(ours_port, header, requests, latencies)

        async def theirs() -> float:
            return await load(bare_port, "", requests, [])

        compared = await bench.compare(
            f"read of an order by REST, {CLIENTS} clients",
            "requests/s",
            ours,
            reference="bare Starlette handler, the same SQL through asyncpg",
            theirs=theirs,
            goal=GOAL,
        )
    p95 = percentile(latencies[requests:], 0.95) * 1000  # without the first, unmeasured turn
    name = f"read of an order by REST, {CLIENTS} clients, p95"
    return [compared, Result.at_most(name, p95, "ms", P95_LIMIT_MS)]


async def seed(dsn: str) -> None:
    """The projections' own tables, with orders in them."""
    async with asyncpg.create_pool(dsn, min_size=1, max_size=4) as pool:
        metrics = ProjectionMetrics(CollectorRegistry())
        runner = ProjectionRunner(pool, MemoryEventLog(), SystemClock(), None, metrics)
        await runner.install()
        build = await pool.fetchval("select build from read.projections where name = 'orders'")
        await pool.execute(_SEED.format(build=build, orders=ORDERS))
        await pool.execute(f"vacuum analyze {build}.orders")


def token() -> str:
    return mint(
        SECRET,
        token_id=SystemIds().new(),
        subject="bench",
        role=Role.OPERATOR,
        now=SystemClock().now(),
        valid_for=timedelta(hours=1),
    )


@asynccontextmanager
async def server(kind: str, dsn: str) -> AsyncIterator[int]:
    """A server process, and the port it listens on."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.benchmarks.rest_server",
        kind,
        dsn,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        yield int(await process.stdout.readline())
    finally:
        process.terminate()
        await process.wait()


class Client(asyncio.Protocol):
    """One connection: sends the next request when it has the whole answer to the one before.

    As little work as can be, as it shares the processors with the servers.
    """

    def __init__(self, requests: Iterator[bytes], latencies: list[float]) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._requests = requests
        self._latencies = latencies
        self._answer = b""
        self._asked = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is not a subclass of it
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if is_whole(self._answer):
            self._latencies.append(time.perf_counter() - self._asked)
            self._ask()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("the server hung up"))

    def _ask(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self.done.set_result(None)
            self._transport.close()
            return
        self._answer = b""
        self._asked = time.perf_counter()
        self._transport.write(request)


async def load(port: int, header: str, requests: int, latencies: list[float]) -> float:
    """Requests a second, all answered with 200. Appends each request's seconds."""
    numbers = random.Random(1).choices(range(1, ORDERS + 1), k=requests)
    waiting = iter([request(number, header) for number in numbers])
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    clients = [
        (await loop.create_connection(lambda: Client(waiting, latencies), "127.0.0.1", port))[1]
        for _ in range(CLIENTS)
    ]
    await asyncio.gather(*(client.done for client in clients))
    return requests / (time.perf_counter() - started)


def request(number: int, header: str) -> bytes:
    order_id = UUID(int=(0x4000 << 64) | (0x8000 << 48) | number)
    return f"GET /v1/orders/{order_id} HTTP/1.1\r\nHost: bench\r\n{header}\r\n".encode()


def is_whole(answer: bytes) -> bool:
    """Raises RuntimeError unless it is a 200."""
    head, separator, body = answer.partition(b"\r\n\r\n")
    if not separator:
        return False
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(answer.decode())
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    return len(body) >= int(length)
