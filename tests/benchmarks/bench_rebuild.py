"""All read models as of a position of a Postgres log: against a loop written by hand for just that,
at a cost for each event that does not grow with the log, and in bounded memory."""

import asyncio
import sys
import time
from pathlib import Path
from typing import Final

import asyncpg

from tests.benchmarks.bare_rebuild import BareRebuild
from tests.benchmarks.harness import Bench, Result
from tests.benchmarks.rebuilt import rebuild

ROOT: Final = Path(__file__).parents[2]

EVENTS: Final = 1_000_000
ROUNDS: Final = 3

GOAL_OF_BARE: Final = 0.4
GOAL_OF_TENTH: Final = 0.8
MAX_MEMORY_MIB: Final = 600.0


async def run(bench: Bench) -> list[Result]:
    events = bench.scaled(EVENTS, least=20_000)
    tenth = events // 10
    await _python("tests.benchmarks.projection_log", bench.postgres_dsn, str(events))
    work = Rebuilding(bench.postgres_dsn)
    memory = await _python("tests.benchmarks.rebuilt", bench.postgres_dsn, str(events))
    return [
        await bench.compare(
            f"rebuild all read models from {events:,} events",
            "events/s",
            lambda: work.ours(events),
            reference="bare loop: read, decode, fold, copy, merge",
            theirs=work.bare,
            goal=GOAL_OF_BARE,
            rounds=ROUNDS,
        ),
        await bench.compare(
            f"rebuild all read models from {events:,} events, linear",
            "events/s",
            lambda: work.ours(events),
            reference=f"the same from {tenth:,} events",
            theirs=lambda: work.ours(tenth),
            goal=GOAL_OF_TENTH,
            rounds=1,
        ),
        Result.at_most("memory of a rebuild", float(memory), "MiB", MAX_MEMORY_MIB),
    ]


class Rebuilding:
    """Rates in events of the log a second, the digests included."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    async def ours(self, position: int) -> float:
        started = time.perf_counter()
        manifest = await rebuild(self._dsn, position)
        return manifest.events / (time.perf_counter() - started)

    async def bare(self) -> float:
        connection = await asyncpg.connect(self._dsn)
        try:
            loop = BareRebuild(connection)
            await loop.prepare()
            started = time.perf_counter()
            count = await loop.run()
            return count / (time.perf_counter() - started)
        finally:
            await connection.close()


async def _python(module: str, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments), stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    output, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"{module} failed with code {process.returncode}")
    return output.decode()
