"""Changed rows of the read models, as the projection workers publish them on a Redis channel."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import msgspec
import redis.asyncio
import structlog
from redis.exceptions import RedisError

from domain.cancellation import heed_cancellation
from domain.clock import Clock

CHANNEL = "patriot:changes"
RECONNECT_SECONDS = 0.5

_log = structlog.get_logger(__name__)


class Change(msgspec.Struct, frozen=True):
    """Rows of one kind as they are now. ``position`` is the log's, None for what is not in it."""

    kind: str
    position: int | None
    rows: Sequence[msgspec.Raw]


class Gap(msgspec.Struct, frozen=True):
    """A subscription stands; what was published before it was missed."""


class Lost(msgspec.Struct, frozen=True):
    """No subscription stands now."""


Feed = AsyncGenerator[Change | Gap | Lost]


class RowKey(msgspec.Struct, frozen=True):
    """What decides who gets a row."""

    account_id: str | None = None
    symbol: str | None = None


_decode_change = msgspec.json.Decoder(Change).decode
decode_key = msgspec.json.Decoder(RowKey).decode


async def redis_changes(
    client: "redis.asyncio.Redis", clock: Clock, channel: str = CHANNEL
) -> Feed:
    """Subscribe, for ever: one Gap whenever a subscription is made, then its changes."""
    while True:
        try:
            async with aclosing(_subscription(client, channel)) as changes:
                async for change in changes:
                    yield change
        except (RedisError, OSError) as error:
            _log.warning("changes_not_followed", error=repr(error))
            yield Lost()
        heed_cancellation()
        await clock.sleep(RECONNECT_SECONDS)


async def _subscription(
    client: "redis.asyncio.Redis", channel: str
) -> AsyncGenerator[Change | Gap]:
    async with client.pubsub() as pubsub:
        await pubsub.subscribe(channel)
        async for message in pubsub.listen():
            # The client may reconnect by itself; then it is told again that it has subscribed.
            if message["type"] == "subscribe":
                heed_cancellation()
                yield Gap()
            elif message["type"] == "message":
                change = _decoded(message["data"])
                if change is not None:
                    yield change


def _decoded(data: bytes) -> Change | None:
    try:
        return _decode_change(data)
    except msgspec.DecodeError as error:
        _log.error("change_not_understood", error=str(error))
        return None
