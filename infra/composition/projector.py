"""The projector role: all read models, and how far they are behind."""

import asyncio

from infra.composition.machinery import Machinery
from projections.change_feed import RedisChangeFeed
from projections.lag import LagMonitor
from projections.runner import ProjectionRunner


def projection_runner(machinery: Machinery) -> ProjectionRunner:
    return ProjectionRunner(
        machinery.pool,
        machinery.log,
        machinery.clock,
        RedisChangeFeed(machinery.redis, machinery.projection_metrics),
        machinery.projection_metrics,
    )


async def run_projector(machinery: Machinery) -> None:
    """All projections, and their lag. Until cancelled."""
    runner = projection_runner(machinery)
    await runner.install()
    async with asyncio.TaskGroup() as group:
        group.create_task(runner.run())
        group.create_task(_lag_monitor(machinery).run())


def _lag_monitor(machinery: Machinery) -> LagMonitor:
    return LagMonitor(machinery.pool, machinery.log, machinery.clock, machinery.projection_metrics)
