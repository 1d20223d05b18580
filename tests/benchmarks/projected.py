"""Projects orders and executions from a Postgres log, from its beginning.

``python -m tests.benchmarks.projected DSN`` prints the peak memory of a process that does nothing
else, in MiB, after a fifth of the log and after all of it.
"""

import asyncio
import resource
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from prometheus_client import CollectorRegistry

from infra.clock import SystemClock
from infra.log.postgres.log import PostgresEventLog
from projections.builds import Builds
from projections.metrics import ProjectionMetrics
from projections.orders import ORDERS_PROJECTION
from projections.runner import ProjectionRunner
from projections.worker import PAGE, Worker


@asynccontextmanager
async def fresh_worker(dsn: str, page_size: int = PAGE) -> AsyncIterator[Worker]:
    """A worker at the beginning of the log, before empty tables."""
    clock, metrics = SystemClock(), ProjectionMetrics(CollectorRegistry())
    async with (
        asyncpg.create_pool(dsn, min_size=0, max_size=5) as pool,
        PostgresEventLog.open(dsn) as log,
    ):
        await pool.execute("drop schema if exists projections, read cascade")
        await ProjectionRunner(
            pool, log, clock, None, metrics, projections=[ORDERS_PROJECTION]
        ).install()
        builds = Builds(clock)
        async with pool.acquire() as connection:
            active = await builds.active(connection, ORDERS_PROJECTION.name)
            assert active is not None
            lease = await builds.acquire(connection, active.build)
        assert lease is not None
        yield Worker(
            pool=pool,
            log=log,
            clock=clock,
            builds=builds,
            projection=ORDERS_PROJECTION,
            lease=lease,
            feed=None,
            metrics=metrics,
            page_size=page_size,
        )


async def memory(dsn: str) -> tuple[int, int]:
    async with fresh_worker(dsn) as worker, PostgresEventLog.open(dsn) as log:
        await worker.catch_up(await log.head() // 5)
        early = peak_mib()
        await worker.catch_up()
        return early, peak_mib()


def peak_mib() -> int:
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit


if __name__ == "__main__":
    print(*asyncio.run(memory(sys.argv[1])))  # noqa: T201  # its one output
