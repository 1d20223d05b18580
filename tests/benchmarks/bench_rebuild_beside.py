"""What a rebuild takes from the live write path: commands through the whole stack, durable in the
log of a Postgres, with and without a ``patriot rebuild`` of all read models on the same server."""

import asyncio
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Final

from infra.collector import calm_collector
from infra.log.postgres.log import PostgresEventLog
from tests.benchmarks.bench_command import CALLERS, Desk
from tests.benchmarks.harness import Bench, Result
from tests.benchmarks.projection_log import fill
from tests.end_to_end.process import REPOSITORY, environment

EVENTS: Final = 300_000
COMMANDS: Final = 2_000
ROUNDS: Final = 3
GOAL: Final = 0.7

START_SECONDS: Final = 60.0


async def run(bench: Bench) -> list[Result]:
    calm_collector()  # as every process of the core does at its start
    dsn, events = bench.postgres_dsn, bench.scaled(EVENTS, least=100_000)
    commands = bench.scaled(COMMANDS, least=CALLERS * 10)
    await fill(dsn, events, without="risk")  # the desk sets limits of its own
    rebuilding = Rebuilding(bench, events)
    async with PostgresEventLog.open(dsn) as log:
        desk = await Desk.open(log)
        await desk.prepare()
        desk.core.risk_book.is_current = True

        async def beside() -> float:
            async with rebuilding.under_way():
                return await desk.rate(commands)

        return [
            await bench.compare(
                f"commands while all read models are rebuilt from {events:,} events",
                "commands/s",
                beside,
                reference="without a rebuild",
                theirs=lambda: desk.rate(commands),
                goal=GOAL,
                rounds=ROUNDS,
            )
        ]


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

    @asynccontextmanager
    async def under_way(self) -> AsyncIterator[None]:
        """From its beginning to the end of the block. Raises RuntimeError if it ends before."""
        schema = f"beside_{next(self._numbers)}"
        process = await self._start(schema)
        try:
            await self._announced(process)
            yield
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
            stderr=PIPE,
        )

    async def _announced(self, process: Process) -> None:
        """It has said of which position it is, and begins."""
        assert process.stderr is not None
        async with asyncio.timeout(START_SECONDS):
            line = await process.stderr.readline()
        if b"is position" not in line:
            raise RuntimeError(f"the rebuild did not begin: {line.decode()}")
