"""``python -m tests.projections.projector_process DSN``: all projections of a Postgres log, until
it is killed. Its leases are short, so that its successor need not wait long."""

import asyncio
import sys
from datetime import timedelta

import asyncpg
from prometheus_client import CollectorRegistry

from infra.clock import SystemClock
from infra.log.postgres.log import PostgresEventLog
from projections.metrics import ProjectionMetrics
from projections.runner import ProjectionRunner

LEASE = timedelta(milliseconds=600)
PAGE = 40


async def main(dsn: str) -> None:
    async with (
        asyncpg.create_pool(dsn, min_size=0, max_size=12) as pool,
        PostgresEventLog.open(dsn) as log,
    ):
        metrics = ProjectionMetrics(CollectorRegistry())
        runner = ProjectionRunner(
            pool, log, SystemClock(), None, metrics, lease=LEASE, page_size=PAGE
        )
        await runner.run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
