"""What both ends of the bridge agree on."""

import msgspec
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from domain.market_data import MarketEvent, Quote

CHANNEL = "patriot:market"
"""Batches: MessagePack arrays of market events."""

QUOTES_KEY = "patriot:market:quotes"
"""A hash: symbol to its newest quote, MessagePack."""

RETRY_SECONDS = 0.5

_TIMEOUT_SECONDS = 5.0

encode = msgspec.msgpack.Encoder().encode
batch_decoder = msgspec.msgpack.Decoder(list[MarketEvent])
quote_decoder = msgspec.msgpack.Decoder(Quote)


def connect(url: str) -> Redis:
    """A client that reports every lost connection: the bridge itself connects anew."""
    client: Redis = Redis.from_url(
        url,
        retry=Retry(NoBackoff(), 0),
        socket_timeout=_TIMEOUT_SECONDS,
        socket_connect_timeout=_TIMEOUT_SECONDS,
    )
    return client


def describe(error: Exception) -> str:
    """The client's own ``repr`` leaves out what the error says."""
    return f"{type(error).__name__}: {error}"
