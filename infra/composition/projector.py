"""The projector role: all read models, and the candles."""

from typing import TYPE_CHECKING

import redis.asyncio
from prometheus_client import CollectorRegistry

from domain.clock import Clock
from domain.log import EventLog
from projections.change_feed import RedisChangeFeed
from projections.metrics import ProjectionMetrics
from projections.runner import ProjectionRunner

if TYPE_CHECKING:
    from asyncpg import Pool, Record


def projection_runner(
    pool: "Pool[Record]",
    log: EventLog,
    clock: Clock,
    redis_client: "redis.asyncio.Redis",
    registry: CollectorRegistry,
) -> ProjectionRunner:
    metrics = ProjectionMetrics(registry)
    return ProjectionRunner(pool, log, clock, RedisChangeFeed(redis_client, metrics), metrics)
