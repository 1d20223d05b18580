"""The projector role: all read models, how far they are behind, and snapshots of them."""

import asyncio
from datetime import timedelta

from infra.composition.machinery import Machinery
from infra.composition.replay_snapshot_taker import SnapshotTaker
from projections.change_feed import RedisChangeFeed
from projections.lag import LagMonitor
from projections.runner import ProjectionRunner
from replay.snapshots.policy import Policy


def projection_runner(machinery: Machinery) -> ProjectionRunner:
    return ProjectionRunner(
        machinery.pool,
        machinery.log,
        machinery.clock,
        RedisChangeFeed(machinery.redis, machinery.projection_metrics),
        machinery.projection_metrics,
    )


async def run_projector(machinery: Machinery) -> None:
    """All projections, their lag and their snapshots. Until cancelled."""
    runner = projection_runner(machinery)
    await runner.install()
    async with asyncio.TaskGroup() as group:
        group.create_task(runner.run())
        group.create_task(_lag_monitor(machinery).run())
        if machinery.settings.snapshot_events:
            group.create_task(_snapshot_taker(machinery).run())


def _lag_monitor(machinery: Machinery) -> LagMonitor:
    return LagMonitor(machinery.pool, machinery.log, machinery.clock, machinery.projection_metrics)


def _snapshot_taker(machinery: Machinery) -> SnapshotTaker:
    settings = machinery.settings
    return SnapshotTaker(
        pool=machinery.pool,
        log=machinery.log,
        clock=machinery.clock,
        store=machinery.snapshots,
        policy=Policy(
            settings.snapshot_events,
            timedelta(minutes=settings.snapshot_minutes),
            settings.snapshot_megabytes,
        ),
        metrics=machinery.snapshot_metrics,
    )
