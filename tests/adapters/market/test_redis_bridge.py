"""Both ends of the bridge on a real server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta

import msgspec
import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from adapters.market import redis_channel as channel
from adapters.market.hub import MarketHub
from adapters.market.metrics import MarketMetrics
from adapters.market.redis_market_data import RedisMarketData
from adapters.market.redis_publisher import MAX_BATCH, RedisPublisher
from domain.market_data import MarketData, MarketEvent, Quote
from tests.adapters.market.samples import AT, metrics, quote, total, trade
from tests.adapters.market.test_binance_frames import CANDLE, DEPTH
from tests.adapters.market.virtual_clock import VirtualClock

TIMEOUT = 10


@asynccontextmanager
async def running(*parts: RedisPublisher | RedisMarketData) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(part.run()) for part in parts]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with channel.connect(redis_url) as client:
        yield client


@pytest.fixture
def counters() -> MarketMetrics:
    return metrics()


@pytest.fixture
def hub(counters: MarketMetrics) -> MarketHub:
    return MarketHub(counters)


@pytest.fixture
def publisher(redis: Redis, hub: MarketHub, counters: MarketMetrics) -> RedisPublisher:
    return RedisPublisher(redis, hub, VirtualClock(), counters)


@pytest.fixture
def reader(redis: Redis, counters: MarketMetrics) -> RedisMarketData:
    return RedisMarketData(redis, VirtualClock(), counters)


async def connected(reader: RedisMarketData) -> None:
    await asyncio.wait_for(reader.connected.wait(), TIMEOUT)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait for what the server alone knows, by asking it."""
    async with asyncio.timeout(TIMEOUT):
        while not await holds():
            pass


async def kill_subscribers(redis: Redis) -> None:
    """Cut every pub/sub connection, as a restart of the server does."""
    await redis.client_kill_filter(_type="pubsub")


async def pings(redis: Redis) -> int:
    statistics = await redis.info("commandstats")
    return int(statistics.get("cmdstat_ping", {"calls": 0})["calls"])


async def take(
    reader: MarketData, count: int, hub: MarketHub, *events: MarketEvent
) -> list[MarketEvent]:
    async with aclosing(reader.subscribe()) as received:
        for event in events:
            hub.publish(event)
        return [await asyncio.wait_for(anext(received), TIMEOUT) for _ in range(count)]


async def test_every_kind_of_event_arrives_equal_and_in_order(
    hub: MarketHub, publisher: RedisPublisher, reader: RedisMarketData
) -> None:
    events: list[MarketEvent] = [quote(), trade(), DEPTH, CANDLE, quote(bid="7.60")]
    async with running(publisher, reader):
        await connected(reader)
        assert await take(reader, 5, hub, *events) == events
        assert reader.quote("SUSHIUSDT") == quote(bid="7.60")


async def test_more_events_than_a_batch(
    hub: MarketHub, publisher: RedisPublisher, reader: RedisMarketData
) -> None:
    events: list[MarketEvent] = [trade(number) for number in range(3 * MAX_BATCH + 7)]
    async with running(publisher, reader):
        await connected(reader)
        assert await take(reader, len(events), hub, *events) == events


async def test_who_comes_later_finds_the_newest_quotes(
    hub: MarketHub, publisher: RedisPublisher, reader: RedisMarketData, redis: Redis
) -> None:
    newest, other = quote(bid="7.60"), quote("BTCUSDT", "60000", "60001")
    hub.publish(quote("ETHUSDT", "2500", "2501"))
    async with running(publisher):
        await asyncio.sleep(0)
        for event in (quote(), newest, other):
            hub.publish(event)

        async def three_quotes() -> bool:
            return await redis.hlen(channel.QUOTES_KEY) == 3

        await until(three_quotes)
    async with running(reader):
        await connected(reader)
        assert reader.quote("SUSHIUSDT") == newest
        assert reader.quote("BTCUSDT") == other
        assert reader.quote("ETHUSDT") is not None
        assert reader.quote("NONE") is None


async def test_the_reader_connects_again_and_reads_the_quotes_anew(
    hub: MarketHub,
    publisher: RedisPublisher,
    reader: RedisMarketData,
    redis: Redis,
    counters: MarketMetrics,
) -> None:
    async with running(publisher, reader):
        await connected(reader)
        await take(reader, 1, hub, quote())
        later = msgspec.structs.replace(quote(bid="7.5"), at=AT + timedelta(seconds=1))
        await redis.hset(channel.QUOTES_KEY, items=["SUSHIUSDT", channel.encode(later)])
        async with aclosing(reader.subscribe()) as received:
            await kill_subscribers(redis)
            assert await asyncio.wait_for(anext(received), TIMEOUT) == later
        await connected(reader)
        assert await take(reader, 1, hub, trade()) == [trade()]
    assert total(counters.bridge_failures) == 1


async def test_a_silent_connection_is_asked_for_a_sign_of_life_and_kept_if_it_answers(
    hub: MarketHub, publisher: RedisPublisher, redis: Redis, counters: MarketMetrics
) -> None:
    reader = RedisMarketData(redis, VirtualClock(), counters, silence_seconds=0.02)
    async with running(publisher, reader):
        await connected(reader)
        before = await pings(redis)

        async def asked_three_times() -> bool:
            return await pings(redis) >= before + 3

        await until(asked_three_times)
        assert await take(reader, 1, hub, trade()) == [trade()]
    assert total(counters.bridge_failures) == 0


async def test_a_connection_that_gives_no_sign_of_life_is_given_up(
    hub: MarketHub, publisher: RedisPublisher, redis: Redis, counters: MarketMetrics
) -> None:
    clock = VirtualClock()
    reader = RedisMarketData(redis, clock, counters, silence_seconds=0.02)
    async with running(publisher, reader):
        await connected(reader)
        # The server keeps every connection open and answers nothing, not even a ping.
        await redis.client_pause(300, all=True)
        with capture_logs() as lines:
            await asyncio.wait_for(clock.has_slept.wait(), TIMEOUT)
        assert lines[0]["error"] == "ConnectionError: no sign of life"
        await connected(reader)
        assert await take(reader, 1, hub, trade()) == [trade()]
    assert total(counters.bridge_failures) >= 1


async def test_a_server_that_answers_nothing_is_tried_again_until_cancelled(
    counters: MarketMetrics,
) -> None:
    connections = 0
    again = asyncio.Event()

    async def half_dead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers what a client says on connecting, then nothing."""
        nonlocal connections
        connections += 1
        if connections > 4:
            again.set()
        while await reader.read(4_096):
            pass
        writer.close()

    server = await asyncio.start_server(half_dead, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, channel.connect(f"redis://127.0.0.1:{port}?socket_timeout=0.05") as client:
        reader = RedisMarketData(client, VirtualClock(), counters, silence_seconds=0.05)
        async with running(reader):
            await asyncio.wait_for(again.wait(), TIMEOUT)
            assert not reader.connected.is_set()
    assert total(counters.bridge_failures) >= 4


async def test_messages_and_quotes_that_cannot_be_read_are_counted_and_skipped(
    hub: MarketHub,
    publisher: RedisPublisher,
    reader: RedisMarketData,
    redis: Redis,
    counters: MarketMetrics,
) -> None:
    await redis.hset(channel.QUOTES_KEY, items=["SUSHIUSDT", b"rubbish"])
    async with running(publisher, reader):
        await connected(reader)
        await redis.publish(channel.CHANNEL, b"\xc1 rubbish")
        assert await take(reader, 1, hub, trade()) == [trade()]
    assert total(counters.bridge_failures) == 2


async def test_the_publisher_never_holds_up_the_feed_and_recovers_with_every_quote(
    hub: MarketHub, publisher: RedisPublisher, redis: Redis, counters: MarketMetrics
) -> None:
    async def quotes_are_there() -> bool:
        return bool(await redis.exists(channel.QUOTES_KEY))

    async def failed() -> bool:
        return await redis.ping() and total(counters.bridge_failures) > 0

    async with running(publisher):
        await asyncio.sleep(0)
        hub.publish(quote("BTCUSDT", "60000", "60001"))
        await until(quotes_are_there)
        await redis.set(channel.QUOTES_KEY, "of another type: a quote cannot be written")
        hub.publish(quote())
        await until(failed)
        await redis.delete(channel.QUOTES_KEY)
        hub.publish(trade())
        await until(quotes_are_there)
    assert await redis.hlen(channel.QUOTES_KEY) == 2
    stored = await redis.hget(channel.QUOTES_KEY, "SUSHIUSDT")
    assert isinstance(stored, bytes)
    assert msgspec.msgpack.decode(stored, type=Quote) == quote()
    assert total(counters.bridge_failures) == 1


async def test_the_publisher_ends_with_the_hub(hub: MarketHub, publisher: RedisPublisher) -> None:
    task = asyncio.create_task(publisher.run())
    await asyncio.sleep(0)
    hub.publish(trade())
    hub.close()
    await asyncio.wait_for(task, TIMEOUT)
