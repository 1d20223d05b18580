"""The application with real read models: PostgreSQL, the projections' own worker, Valkey."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import redis.asyncio
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from api.app import create_app
from api.reads.pool import read_pool
from api.stream.changes import redis_changes
from domain.clock import Clock
from infra.clock import SystemClock
from projections.candles import CandleWriter
from projections.change_feed import RedisChangeFeed
from projections.metrics import ProjectionMetrics
from projections.runner import ProjectionRunner
from tests.api.served import Served, dependencies
from tests.domain.world import World


class Live(Served):
    """``candles`` writes candles; ``runner`` is the projections' own."""

    def __init__(
        self,
        world: World,
        app: FastAPI,
        clock: Clock,
        candles: CandleWriter,
        runner: ProjectionRunner,
    ) -> None:
        super().__init__(world, app, clock)
        self.candles = candles
        self.runner = runner


@asynccontextmanager
async def online(postgres_dsn: str, redis_url: str, **settings: Any) -> AsyncIterator[Live]:
    """Everything runs: lifespan, projections, change feed. Limits are in force."""
    world = World()
    await world.set_limits()
    clock = SystemClock()
    async with (
        # With a timeout, the client sends through asyncio.wait_for, which in Python 3.11 can lose
        # the cancellation that ends a test (CPython's gh-86296).
        redis.asyncio.Redis.from_url(redis_url, socket_timeout=None) as client,
        asyncpg.create_pool(postgres_dsn, min_size=1, max_size=20) as writers,
        read_pool(postgres_dsn, 4) as readers,
    ):
        metrics = ProjectionMetrics(CollectorRegistry())
        feed = RedisChangeFeed(client, metrics, patience=30)  # what is not told is not seen
        runner = ProjectionRunner(writers, world.here.log, clock, feed, metrics)
        await runner.install()
        candles = CandleWriter(writers, feed)
        await candles.install()
        app = create_app(
            dependencies(
                world,
                readers,
                clock=clock,
                changes=lambda: redis_changes(client, clock),
                **settings,
            )
        )
        served = Live(world, app, clock, candles, runner)
        async with asyncio.TaskGroup() as tasks, served.system:
            projecting = tasks.create_task(runner.run())
            async with app.router.lifespan_context(app):
                yield served
            projecting.cancel()
