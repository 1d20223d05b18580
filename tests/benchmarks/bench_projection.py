"""Orders and executions from a log in Postgres: against a loop written by hand for just that,
against a transaction for each event, and in memory that does not grow with the log."""

import asyncio
import sys
import time
from pathlib import Path
from typing import Final

import asyncpg

from tests.benchmarks.bare_projection import PAGE, BareProjection
from tests.benchmarks.harness import Bench, Result
from tests.benchmarks.projected import fresh_worker

ROOT: Final = Path(__file__).parents[2]

EVENTS: Final = 500_000
SINGLE_EVENTS: Final = 2_000
ROUNDS: Final = 3

GOAL_OF_BARE: Final = 0.5
GOAL_OF_SINGLE: Final = 20.0
MAX_GROWTH_MIB: Final = 25.0


async def run(bench: Bench) -> list[Result]:
    events = bench.scaled(EVENTS, least=20_000)
    await _python("tests.benchmarks.projection_log", bench.postgres_dsn, str(events))
    early, late = await _memory(bench.postgres_dsn)
    async with asyncpg.create_pool(bench.postgres_dsn, min_size=0, max_size=2) as pool:
        concerned = await pool.fetchval(
            "select count(*) from log.events where stream like 'order-%'"
        )
        work = Projecting(bench.postgres_dsn, concerned)
        result = await bench.compare(
            f"project orders and executions, log of {events:,} events",
            "events/s",
            work.ours,
            reference="bare loop: read, decode, fold, copy, merge",
            theirs=work.bare,
            goal=GOAL_OF_BARE,
            rounds=ROUNDS,
        )
    single = await work.one_by_one()
    return [
        result,
        Result.at_least(
            "project orders and executions in batches",
            result.value,
            "events/s",
            reference="the bare loop with a transaction for each event",
            reference_value=single,
            goal=GOAL_OF_SINGLE,
        ),
        Result.at_most(
            f"memory of the projector: {late:.0f} MiB after all events, more than after a fifth",
            late - early,
            "MiB",
            MAX_GROWTH_MIB,
        ),
    ]


class Projecting:
    """``concerned`` is how many of the log's events are of orders: what a rate counts."""

    def __init__(self, dsn: str, concerned: int) -> None:
        self._dsn = dsn
        self._concerned = concerned

    async def ours(self) -> float:
        async with fresh_worker(self._dsn) as worker:
            started = time.perf_counter()
            await worker.catch_up()
            return self._concerned / (time.perf_counter() - started)

    async def bare(self) -> float:
        return await self._bare(None, page_size=PAGE, durable=False)

    async def one_by_one(self) -> float:
        """A transaction for each event, flushed, as such workers are written."""
        return await self._bare(SINGLE_EVENTS, page_size=1, durable=True)

    async def _bare(self, events: int | None, *, page_size: int, durable: bool) -> float:
        """Into tables of the same columns and indexes, so ``ours`` must have been called before."""
        connection = await asyncpg.connect(self._dsn)
        try:
            projection = BareProjection(connection, page_size=page_size, durable=durable)
            await projection.prepare()
            started = time.perf_counter()
            count = await projection.catch_up(events)
            return count / (time.perf_counter() - started)
        finally:
            await connection.close()


async def _memory(dsn: str) -> tuple[float, float]:
    early, late = (await _python("tests.benchmarks.projected", dsn)).split()
    return float(early), float(late)


async def _python(module: str, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments), stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    output, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"{module} failed with code {process.returncode}")
    return output.decode()
