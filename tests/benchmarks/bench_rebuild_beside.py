"""What a rebuild takes from the live write path: commands through the whole stack, durable in the
log of a Postgres, with and without a ``patriot rebuild`` of all read models on the same server."""

import asyncio
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Final

import asyncpg

from infra.collector import calm_collector
from infra.log.postgres.log import PostgresEventLog
from tests.benchmarks.bench_command import Desk
from tests.benchmarks.harness import Bench, Result
from tests.benchmarks.projection_log import fill
from tests.end_to_end.process import REPOSITORY, environment

EVENTS: Final = 300_000
COMMANDS: Final = 2_000
ROUNDS: Final = 9
GOAL: Final = 0.7

REACHED: Final = "select events from replay.schemas where name = $1"

LEAST_RATE: Final = 1_000_000 / 3_600
"""What gives way to others must not come to a stand."""

START_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.05


async def run(bench: Bench) -> list[Result]:
    calm_collector()  # as every process of the core does at its start
    dsn, events = bench.postgres_dsn, bench.scaled(EVENTS, least=100_000)
    commands = bench.scaled(COMMANDS, least=1_000)
    await fill(dsn, events, without="risk")  # the desk sets limits of its own
    rebuilding = Rebuilding(bench, events)
    async with PostgresEventLog.open(dsn) as log:
        desk = await Desk.open(log)
        await desk.prepare()
        desk.core.risk_book.is_current = True

        async def beside() -> float:
            async with rebuilding.under_way():
                return await desk.rate(commands)

        kept = await bench.compare(
            f"commands while all read models are rebuilt from {events:,} events",
            "commands/s",
            beside,
            reference="without a rebuild",
            theirs=lambda: desk.rate(commands),
            goal=GOAL,
            rounds=ROUNDS,
        )
    rebuilt = Result.at_least(
        "events rebuilt beside these commands",
        rebuilding.rate,
        "events/s",
        reference="1,000,000 in an hour",
        reference_value=LEAST_RATE,
        goal=1.0,
    )
    return [kept, rebuilt]


class Rebuilding:
    """The command, each time into a new schema."""

    def __init__(self, bench: Bench, position: int) -> None:
        self._dsn = bench.postgres_dsn
        self._position = position
        self._environment = environment(
            bench.tmp_path,
            {"PATRIOT_POSTGRES_DSN": bench.postgres_dsn, "PATRIOT_REDIS_URL": bench.redis_url},
        )
        self._numbers = count(1)
        self._events = 0
        self._seconds = 0.0

    @property
    def rate(self) -> float:
        """Events a second, over all blocks."""
        return self._events / self._seconds

    @asynccontextmanager
    async def under_way(self) -> AsyncIterator[None]:
        """From its first page to the end of the block. Raises RuntimeError if it ends before."""
        schema = f"beside_{next(self._numbers)}"
        process = await self._start(schema)
        try:
            before, started = await self._until_under_way(schema), time.perf_counter()
            yield
            self._seconds += time.perf_counter() - started
            self._events += await self._reached(schema) - before
            if process.returncode is not None:
                raise RuntimeError(f"the rebuild was done, or failed: {process.returncode}")
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGINT)
            await process.wait()

    async def _start(self, schema: str) -> Process:
        command = ("-m", "infra.cli.main", "rebuild", "--into", schema)
        return await asyncio.create_subprocess_exec(
            *(sys.executable, *command, "--as-of", str(self._position)),
            env=self._environment,
            cwd=REPOSITORY,
            stdout=DEVNULL,
            stderr=DEVNULL,
        )

    async def _until_under_way(self, schema: str) -> int:
        async with asyncio.timeout(START_SECONDS):
            while True:
                if reached := await self._reached(schema):
                    return reached
                await asyncio.sleep(POLL_SECONDS)

    async def _reached(self, schema: str) -> int:
        connection = await asyncpg.connect(self._dsn)
        try:
            return int(await connection.fetchval(REACHED, schema) or 0)
        except asyncpg.UndefinedTableError:
            return 0
        finally:
            await connection.close()
