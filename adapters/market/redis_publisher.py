"""Market data to other processes, through Redis: batches by pub/sub, newest quotes in a hash.

Redis holds copies only. What cannot be sent is dropped: a market does not wait.
"""

from collections.abc import Iterable
from contextlib import aclosing

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from adapters.market import redis_channel as channel
from adapters.market.hub import MarketHub
from adapters.market.metrics import MarketMetrics
from adapters.market.throttle import Throttle
from domain.cancellation import heed_cancellation
from domain.clock import Clock
from domain.market_data import MarketEvent, Quote

MAX_BATCH = 500

_log = structlog.stdlib.get_logger(__name__)


class RedisPublisher:
    """Sends a hub's events on; while one batch is under way the next one gathers."""

    def __init__(self, redis: Redis, hub: MarketHub, clock: Clock, metrics: MarketMetrics) -> None:
        self._redis = redis
        self._hub = hub
        self._clock = clock
        self._metrics = metrics
        self._throttle = Throttle(clock)
        self._all_quotes_due = True

    async def run(self) -> None:
        """Until the hub is closed, or cancelled."""
        async with aclosing(self._hub.subscribe()) as events:
            async for event in events:
                batch = [event, *events.take_waiting(MAX_BATCH - 1)]
                try:
                    await self._send(batch)
                except (RedisError, OSError) as error:
                    await self._lost(error)
                heed_cancellation()

    async def _send(self, batch: list[MarketEvent]) -> None:
        quotes = self._hub.quotes() if self._all_quotes_due else _newest(batch)
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.publish(channel.CHANNEL, channel.encode(batch))
        if quotes:
            items = [item for quote in quotes for item in (quote.symbol, channel.encode(quote))]
            pipeline.hset(channel.QUOTES_KEY, items=items)
        await pipeline.execute()
        self._all_quotes_due = False

    async def _lost(self, error: Exception) -> None:
        self._all_quotes_due = True
        self._metrics.bridge_failures.labels("publisher").inc()
        if self._throttle.admits("lost"):
            held_back = self._throttle.held_back("lost")
            _log.warning(
                "market.bridge_lost",
                side="publisher",
                error=channel.describe(error),
                held_back=held_back,
            )
        await self._clock.sleep(channel.RETRY_SECONDS)


def _newest(batch: Iterable[MarketEvent]) -> tuple[Quote, ...]:
    newest = {event.symbol: event for event in batch if isinstance(event, Quote)}
    return tuple(newest.values())
