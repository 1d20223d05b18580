"""The market data of another process, through Redis."""

import asyncio
from collections.abc import AsyncGenerator

import msgspec
import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from adapters.market import redis_channel as channel
from adapters.market.hub import MarketHub
from adapters.market.metrics import MarketMetrics
from adapters.market.throttle import Throttle
from domain.cancellation import heed_cancellation
from domain.clock import Clock
from domain.market_data import MarketEvent, Quote

SILENCE_SECONDS = 5.0
"""After so long without a message the connection is asked for a sign of life, once."""

_log = structlog.stdlib.get_logger(__name__)


class RedisMarketData:
    """The MarketData port; ``run`` keeps it supplied and connects again by itself.

    Events sent while the connection was lost are missed; the newest quotes are read anew.
    """

    def __init__(
        self,
        redis: Redis,
        clock: Clock,
        metrics: MarketMetrics,
        *,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        self._redis = redis
        self._clock = clock
        self._metrics = metrics
        self._silence_seconds = silence_seconds
        self._hub = MarketHub(metrics)
        self._throttle = Throttle(clock)
        self.connected = asyncio.Event()
        """Set while events come in."""

    def subscribe(self) -> AsyncGenerator[MarketEvent]:
        return self._hub.subscribe()

    def quote(self, symbol: str) -> Quote | None:
        return self._hub.quote(symbol)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._follow()
            except (RedisError, OSError) as error:
                self._failed("reader", channel.describe(error))
            finally:
                self.connected.clear()
            heed_cancellation()
            await self._clock.sleep(channel.RETRY_SECONDS)

    async def _follow(self) -> None:
        async with self._redis.pubsub() as pubsub:
            await pubsub.subscribe(channel.CHANNEL)
            # Only now: a quote that changes from here on comes as a message.
            await self._read_quotes()
            self.connected.set()
            while True:
                self._publish(await self._next_batch(pubsub))

    async def _read_quotes(self) -> None:
        stored = await self._redis.hgetall(channel.QUOTES_KEY)
        for encoded in stored.values():
            assert isinstance(encoded, bytes), "the client must leave values undecoded"
            try:
                quote = channel.quote_decoder.decode(encoded)
            except msgspec.DecodeError as error:
                self._failed("unreadable", str(error))
                continue
            known = self._hub.quote(quote.symbol)
            if known is None or known.at < quote.at:
                self._hub.publish(quote)

    async def _next_batch(self, pubsub: PubSub) -> bytes:
        asked = False
        while True:
            message = await pubsub.get_message(timeout=self._silence_seconds)
            heed_cancellation()
            if message is None and asked:
                raise RedisConnectionError("no sign of life")
            if message is None:
                await pubsub.ping()
            elif message["type"] == "message":
                return bytes(message["data"])
            asked = message is None

    def _publish(self, batch: bytes) -> None:
        try:
            events = channel.batch_decoder.decode(batch)
        except msgspec.DecodeError as error:
            self._failed("unreadable", str(error))
            return
        for event in events:
            self._hub.publish(event)

    def _failed(self, side: str, error: str) -> None:
        self._metrics.bridge_failures.labels(side).inc()
        if self._throttle.admits(side):
            held_back = self._throttle.held_back(side)
            _log.warning("market.bridge_lost", side=side, error=error, held_back=held_back)
