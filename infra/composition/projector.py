"""The projector role: all read models."""

from infra.composition.machinery import Machinery
from projections.change_feed import RedisChangeFeed
from projections.runner import ProjectionRunner


def projection_runner(machinery: Machinery) -> ProjectionRunner:
    return ProjectionRunner(
        machinery.pool,
        machinery.log,
        machinery.clock,
        RedisChangeFeed(machinery.redis, machinery.projection_metrics),
        machinery.projection_metrics,
    )
