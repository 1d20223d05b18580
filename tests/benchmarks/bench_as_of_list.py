"""A list as of any position of a long log: its first page, from kept snapshots; and the next one.

The snapshots are those that a projector's taker keeps by the settings' own policy, while the read
models are built from the log.
"""

import random
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import asyncpg
from prometheus_client import CollectorRegistry

from api.queries import query
from domain.log import EventLog
from infra.clock import SystemClock
from infra.composition.replay_moments import moments
from infra.composition.replay_snapshot_taker import SnapshotTaker
from infra.composition.replay_snapshots import SNAPSHOTTED
from infra.log.postgres.log import PostgresEventLog
from infra.settings import Settings
from projections.builds import Builds
from projections.metrics import ProjectionMetrics
from projections.projection import Projection
from projections.runner import ProjectionRunner
from projections.worker import Worker
from replay.moments.moments import Moments
from replay.snapshots.metrics import SnapshotMetrics
from replay.snapshots.policy import Policy
from replay.snapshots.store import SnapshotStore
from tests.benchmarks.harness import Bench, Result, percentile
from tests.benchmarks.projection_log import fill

if TYPE_CHECKING:
    from projections.connection import Pool

EVENTS = 1_000_000
STEP = 2_000
"""Events of the log between two looks of the taker."""

ROUNDS = 20
LIMIT_MS = 2_000.0
PAGE_MS = 200.0
PAGE = 50

METRICS = ProjectionMetrics(CollectorRegistry())

LISTS = {"orders": 5, "accounts": 5}
"""Each is of the read model of its name; how many arguments come before its limit."""


async def run(bench: Bench) -> list[Result]:
    events = bench.scaled(EVENTS, least=20_000)
    await fill(bench.postgres_dsn, events)
    store = SnapshotStore(bench.tmp_path / "snapshots", SnapshotMetrics(CollectorRegistry()))
    async with PostgresEventLog.open(bench.postgres_dsn) as log:
        await keep(bench.postgres_dsn, log, store)
        return await measured(bench.postgres_dsn, log, store)


async def keep(dsn: str, log: EventLog, store: SnapshotStore) -> None:
    """Build the read models from the log, with snapshots on the way."""
    async with asyncpg.create_pool(dsn, min_size=1, max_size=4) as pool:
        runner = ProjectionRunner(pool, log, SystemClock(), None, METRICS)
        await runner.install()
        taker = _taker(pool, log, store)
        for projection in SNAPSHOTTED:
            worker = await _worker(pool, log, projection)
            head = await log.head()
            for position in range(0, head, STEP):
                await worker.catch_up(min(position + STEP, head))
                await taker.take(projection)


def _taker(pool: "Pool", log: EventLog, store: SnapshotStore) -> SnapshotTaker:
    said = Settings.model_fields
    policy = Policy(
        events=said["snapshot_events"].default,
        time=timedelta(days=1),
        megabytes=said["snapshot_megabytes"].default,
    )
    return SnapshotTaker(
        pool=pool,
        log=log,
        clock=SystemClock(),
        store=store,
        policy=policy,
        metrics=SnapshotMetrics(CollectorRegistry()),
    )


async def _worker(pool: "Pool", log: EventLog, projection: Projection) -> Worker:
    builds = Builds(SystemClock())
    async with pool.acquire() as connection:
        active = await builds.active(connection, projection.name)
        assert active is not None
        lease = await builds.acquire(connection, active.build)
    assert lease is not None
    return Worker(
        pool=pool,
        log=log,
        clock=SystemClock(),
        builds=builds,
        projection=projection,
        lease=lease,
        feed=None,
        metrics=METRICS,
    )


async def measured(dsn: str, log: EventLog, store: SnapshotStore) -> list[Result]:
    """Of each list the first page at positions all over the log, and the next page of each."""
    some, head = random.Random(1), await log.head()
    results: list[Result] = []
    async with moments(dsn, log, SystemClock(), store) as kept:
        for name in LISTS:
            first: list[float] = []
            second: list[float] = []
            for _ in range(ROUNDS):
                position = some.randint(head // 10, head)
                first.append(await _page(kept, name, position))
                second.append(await _page(kept, name, position))
            of = f"{name} as of any position of {head:,} events"
            results += [
                Result.at_most(f"{of}, p95", percentile(first, 0.95), "ms", LIMIT_MS),
                Result.at_most(f"{of}, next page, p95", percentile(second, 0.95), "ms", PAGE_MS),
            ]
    return results


async def _page(kept: Moments, name: str, position: int) -> float:
    """Milliseconds."""
    arguments: tuple[object, ...] = (*[None] * LISTS[name], PAGE)
    began = time.perf_counter()
    rows = await kept.rows(name, position, query(name), arguments)
    assert rows
    return (time.perf_counter() - began) * 1_000
