"""Changes from the Redis channel that the projection workers publish on."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec
import redis.asyncio
import structlog
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from api.stream.changes import Change, Gap, decode_change
from domain.clock import Clock

CHANNEL = "patriot:changes"
RECONNECT_SECONDS = 0.5

_log = structlog.get_logger(__name__)


async def redis_changes(
    url: str, clock: Clock, channel: str = CHANNEL
) -> AsyncGenerator[Change | Gap]:
    """Subscribe, for ever. Yields a Gap once a subscription stands: what came before was missed."""
    while True:
        try:
            async with aclosing(_subscription(url, channel)) as changes:
                async for change in changes:
                    yield change
        except (RedisError, OSError) as error:
            _log.warning("changes_not_followed", error=repr(error))
        await clock.sleep(RECONNECT_SECONDS)


async def _subscription(url: str, channel: str) -> AsyncGenerator[Change | Gap]:
    # No retry inside the client: it would resubscribe silently, and hide what was missed.
    client = redis.asyncio.Redis.from_url(url, retry=Retry(NoBackoff(), 0))
    async with client, client.pubsub() as pubsub:
        await pubsub.subscribe(channel)
        async for message in pubsub.listen():
            if message["type"] == "subscribe":
                yield Gap()
            elif message["type"] == "message":
                change = _decoded(message["data"])
                if change is not None:
                    yield change


def _decoded(data: bytes) -> Change | None:
    try:
        return decode_change(data)
    except msgspec.DecodeError as error:
        _log.error("change_not_understood", error=str(error))
        return None
