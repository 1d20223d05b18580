"""All read models as of a position of a Postgres log: against a loop written by hand for just that,
against the library's projection runner, at a cost for each event that does not grow with the log,
and in bounded memory."""

import asyncio
import sys
import time
from pathlib import Path
from typing import Final, NamedTuple

import asyncpg

from infra.collector import calm_collector
from tests.benchmarks.bare_rebuild import BareRebuild
from tests.benchmarks.harness import Bench, Result
from tests.benchmarks.library_projection import LibraryProjection
from tests.benchmarks.rebuilt import rate

ROOT: Final = Path(__file__).parents[2]

EVENTS: Final = 1_000_000
LIBRARY_EVENTS: Final = 3_000
ROUNDS: Final = 3

GOAL_OF_BARE: Final = 0.4
GOAL_OF_LIBRARY: Final = 25.0
GOAL_OF_TENTH: Final = 0.8
MAX_MEMORY_MIB: Final = 600.0


class Whole(NamedTuple):
    """Of one rebuild from all events in a process of its own."""

    rate: float
    mib: float


async def run(bench: Bench) -> list[Result]:
    calm_collector()  # as the command does, and for all that it is measured against
    dsn, events = bench.postgres_dsn, bench.scaled(EVENTS, least=20_000)
    await _python("tests.benchmarks.projection_log", dsn, str(events))
    library = LibraryProjection(dsn, bench.scaled(LIBRARY_EVENTS, least=1_000))
    tenth = await bench.compare(
        f"rebuild all read models from {events // 10:,} events",
        "events/s",
        lambda: rate(dsn, events // 10),
        reference="eventsourcing's ProjectionRunner, a transaction for each event",
        theirs=library.rate,
        goal=GOAL_OF_LIBRARY,
        rounds=ROUNDS,
    )
    whole = await _whole(dsn, events)
    name = f"rebuild all read models from {events:,} events"
    return [
        tenth,
        Result.at_least(
            name,
            whole.rate,
            "events/s",
            reference="bare loop: read, decode, fold, copy, merge",
            reference_value=await _bare(dsn),
            goal=GOAL_OF_BARE,
        ),
        Result.at_least(
            f"{name}, linear",
            whole.rate,
            "events/s",
            reference="the same from a tenth of them",
            reference_value=tenth.value,
            goal=GOAL_OF_TENTH,
        ),
        Result.at_least(
            f"{name}, of the library",
            whole.rate,
            "events/s",
            reference=f"the ProjectionRunner on the first {library.events:,} of them",
            reference_value=tenth.reference_value,
            goal=GOAL_OF_LIBRARY,
        ),
        Result.at_most(f"{name}, memory", whole.mib, "MiB", MAX_MEMORY_MIB),
    ]


async def _whole(dsn: str, events: int) -> Whole:
    seen, mib = (await _python("tests.benchmarks.rebuilt", dsn, str(events))).split()
    return Whole(float(seen), float(mib))


async def _bare(dsn: str) -> float:
    connection = await asyncpg.connect(dsn)
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
