"""Rebuilds all read models from a Postgres log.

``python -m tests.benchmarks.rebuilt DSN POSITION`` prints the rate, in events a second, and the
peak memory, in MiB, of a process that does nothing else.
"""

import sys
import time

import asyncpg
import uvloop

from infra.clock import SystemClock
from infra.collector import calm_collector
from infra.composition.replay_rebuild import CONNECTIONS, ProjectedModels, projections_named
from infra.log.postgres.log import PostgresEventLog
from replay.manifest import Manifest
from replay.rebuild import Rebuilder
from tests.benchmarks.projected import peak_mib
from tests.replay.rebuilding import Heard

SCHEMA = "rebuilt"


async def rebuild(dsn: str, position: int) -> Manifest:
    """Into a schema that is dropped first if it is there."""
    async with (
        asyncpg.create_pool(dsn, min_size=0, max_size=CONNECTIONS) as pool,
        PostgresEventLog.open(dsn) as log,
    ):
        rebuilder = Rebuilder(
            pool=pool,
            log=log,
            clock=SystemClock(),
            models=lambda schema, names: ProjectedModels(pool, schema, projections_named(names)),
            code_version="benchmark",
        )
        if any(found.name == SCHEMA for found in await rebuilder.all()):
            await rebuilder.drop(SCHEMA)
        return await rebuilder.rebuild(str(position), SCHEMA, (), Heard())


async def rate(dsn: str, position: int) -> float:
    """Events of the log a second, the digests included."""
    started = time.perf_counter()
    manifest = await rebuild(dsn, position)
    return manifest.events / (time.perf_counter() - started)


async def measured(dsn: str, position: int) -> tuple[float, int]:
    return await rate(dsn, position), peak_mib()


if __name__ == "__main__":
    calm_collector()  # as the command does
    print(*uvloop.run(measured(sys.argv[1], int(sys.argv[2]))))  # noqa: T201  # its one output
