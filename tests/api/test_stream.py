"""The stream: own rows only, one encoding for all, and nobody waits for the slow."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import redis.asyncio
from prometheus_client import CollectorRegistry
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from api.auth.role import Role
from api.metrics import ApiMetrics
from api.stream.changes import CHANNEL, Change
from api.stream.hub import Hub
from api.stream.subscriber import QUEUE_SIZE, Subscriber
from domain.market_data import Candle
from projections.registry import ALL_PROJECTIONS
from tests.api.found import something_external, something_impossible
from tests.api.live_server import listening
from tests.api.online import Live
from tests.api.served import an_order, no_changes

Message = dict[str, Any]


@pytest.fixture
async def address(live: Live) -> AsyncIterator[str]:
    async with listening(live.app) as address:
        yield address


@asynccontextmanager
async def client(address: str, token: str | None) -> AsyncIterator[ClientConnection]:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with connect(f"ws://{address}/v1/stream", additional_headers=headers) as websocket:
        yield websocket


async def receive(websocket: ClientConnection) -> Message:
    async with asyncio.timeout(5):
        message: Message = json.loads(await websocket.recv())
    return message


async def until(websocket: ClientConnection, event: str) -> Message:
    while (message := await receive(websocket))["event"] != event:
        pass
    return message


async def subscribe(websocket: ClientConnection, *channels: str) -> Message:
    await websocket.send(json.dumps({"op": "subscribe", "channels": channels}))
    return await until(websocket, "subscribed")


async def closed(websocket: ClientConnection) -> tuple[int, str]:
    async with asyncio.timeout(5):
        with suppress(ConnectionClosed):
            async for _ in websocket:
                pass
    assert websocket.close_code is not None
    return websocket.close_code, websocket.close_reason or ""


async def test_an_order_shows_in_the_stream_as_rest_shows_it(live: Live, address: str) -> None:
    account_id = await live.world.account()
    async with client(address, live.token(Role.CLIENT, account_id)) as websocket:
        subscribed = await subscribe(websocket, "orders")
        assert subscribed["channels"] == ["orders"]
        names = {projection.name for projection in ALL_PROJECTIONS}
        assert set(subscribed["positions"]) == names
        placed = await live.system.post("/v1/orders", json=an_order(account_id))
        change = await until(websocket, "change")
    assert (change["channel"], change["position"]) == ("orders", placed.json()["position"])
    (row,) = change["rows"]
    shown = await live.system.get(f"/v1/orders/{placed.json()['order_id']}")
    assert set(row) == set(shown.json())
    same = ("order_id", "account_id", "status", "quantity", "limit_price", "position", "version")
    assert {name: row[name] for name in same} == {name: shown.json()[name] for name in same}


async def test_a_client_gets_its_own_rows_and_no_others(live: Live, address: str) -> None:
    alice, bob = await live.world.account("alice"), await live.world.account("bob")
    async with (
        client(address, live.token(Role.CLIENT, alice)) as hers,
        client(address, live.token(Role.OPERATOR)) as operators,
    ):
        for websocket in (hers, operators):
            await subscribe(websocket, "orders", "balances", "executions")
        for account_id in (bob, alice):
            await live.system.post("/v1/orders", json=an_order(account_id))
        seen: dict[str, set[str]] = {"hers": set(), "operators": set()}
        while seen["operators"] != {alice, bob}:
            change = await until(operators, "change")
            if change["channel"] == "orders":
                seen["operators"] |= {row["account_id"] for row in change["rows"]}
        channels: set[str] = set()
        while channels != {"orders", "balances"}:
            change = await until(hers, "change")
            channels.add(change["channel"])
            seen["hers"] |= {row["account_id"] for row in change["rows"]}
    assert seen["hers"] == {alice}


async def test_problems_are_pushed_to_those_who_oversee_and_no_others(
    live: Live, address: str
) -> None:
    alice, bob = await live.world.account("alice"), await live.world.account("bob")
    async with (
        client(address, live.token(Role.CLIENT, alice)) as hers,
        client(address, live.token(Role.COMPLIANCE, alice)) as bound,
        client(address, live.token(Role.OPERATOR)) as operators,
    ):
        await hers.send(json.dumps({"op": "subscribe", "channels": ["orders", "problems"]}))
        refused = await until(hers, "error")
        for websocket in (bound, operators):
            await subscribe(websocket, "problems")
        await something_impossible(live.world)
        for account_id in (bob, alice):
            await something_external(live.world, account_id)
        seen: list[Any] = []
        while len(seen) < 3:
            seen += [row["account_id"] for row in (await until(operators, "change"))["rows"]]
        (row,) = (await until(bound, "change"))["rows"]
    assert refused["code"] == "forbidden"
    assert seen == [None, bob, alice]
    shown = await live.system.get("/v1/problems", params={"account_id": alice})
    assert set(row) == set(shown.json()["items"][0])
    assert (row["account_id"], row["kind"]) == (alice, "external_position")


async def test_candles_of_one_symbol_or_of_all(live: Live, address: str) -> None:
    price = Decimal(5)
    at = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
    candles = [
        Candle(symbol, "1m", at, price, price, price, price, price, 1, False)
        for symbol in ("BTCUSDT", "ETHUSDT")
    ]
    token = live.token(Role.CLIENT, await live.world.account())
    async with client(address, token) as one, client(address, token) as all_of_them:
        await subscribe(one, "candles:ETHUSDT")
        await subscribe(all_of_them, "candles")
        await live.candles.write(candles)
        assert [row["symbol"] for row in (await until(one, "change"))["rows"]] == ["ETHUSDT"]
        everything = await until(all_of_them, "change")
        assert [row["symbol"] for row in everything["rows"]] == ["BTCUSDT", "ETHUSDT"]


async def test_unsubscribed_is_unsubscribed(live: Live, address: str) -> None:
    account_id = await live.world.account()
    async with client(address, live.token(Role.ADMIN)) as websocket:
        await subscribe(websocket, "orders", "balances")
        await websocket.send(json.dumps({"op": "unsubscribe", "channels": ["orders"]}))
        assert (await until(websocket, "unsubscribed"))["channels"] == ["balances"]
        await live.system.post("/v1/orders", json=an_order(account_id))
        assert (await until(websocket, "change"))["channel"] == "balances"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{not json", "malformed_json"),
        ("[]", "malformed_json"),
        ('{"op": "dance"}', "malformed_json"),
        ('{"op": "subscribe"}', "malformed_json"),
        ('{"op": "subscribe", "channels": ["orders"], "as": "admin"}', "malformed_json"),
        ('{"op": "subscribe", "channels": ["trades"]}', "invalid_enum"),
        ('{"op": "subscribe", "channels": ["candles:btc usdt"]}', "invalid_enum"),
        ('{"op": "authenticate", "token": "x"}', "bad_request"),
        (json.dumps({"op": "subscribe", "channels": [f"candles:S{n}" for n in range(51)]}),
         "out_of_range"),
    ],
)  # fmt: skip
async def test_bad_requests_are_answered_and_harm_nothing(
    live: Live, address: str, text: str, code: str
) -> None:
    async with client(address, live.token(Role.ADMIN)) as websocket:
        await websocket.send(text)
        assert (await until(websocket, "error"))["code"] == code
        await websocket.send('{"op": "ping"}')
        await until(websocket, "pong")


async def test_frames_that_are_no_text_or_too_long(live: Live, address: str) -> None:
    for frame, code in ((b"\x00", 1003), ("x" * 5_000, 1009)):
        async with client(address, live.token(Role.ADMIN)) as websocket:
            await websocket.send(frame)
            assert (await closed(websocket))[0] == code


async def test_the_token_may_come_in_the_first_message(live: Live, address: str) -> None:
    async with client(address, None) as websocket:
        token = live.token(Role.ADMIN)
        await websocket.send(json.dumps({"op": "authenticate", "token": token}))
        await subscribe(websocket, "orders")


@pytest.mark.parametrize(
    "first", ['{"op": "authenticate", "token": "nonsense"}', '{"op": "ping"}', "x", "{}"]
)
async def test_without_a_valid_token(address: str, first: str) -> None:
    async with client(address, None) as websocket:
        await websocket.send(first)
        assert await closed(websocket) == (1008, "unauthenticated")
    async with client(address, "nonsense") as websocket:
        assert await closed(websocket) == (1008, "unauthenticated")


async def test_a_token_in_the_address_does_not_count(live: Live, address: str) -> None:
    url = f"ws://{address}/v1/stream?token={live.token(Role.ADMIN)}"
    async with connect(url) as websocket:
        await websocket.send('{"op": "subscribe", "channels": ["orders"]}')
        assert await closed(websocket) == (1008, "unauthenticated")


async def test_a_role_that_may_not_see_money(live: Live, address: str) -> None:
    async with client(address, live.token(Role.DEVELOPER)) as websocket:
        assert await closed(websocket) == (1008, "forbidden")


async def test_a_connection_ends_with_its_token(live: Live, address: str) -> None:
    token = live.token(Role.ADMIN, valid_for=timedelta(seconds=0.3))
    async with client(address, token) as websocket:
        assert await closed(websocket) == (1008, "the token has expired")


async def test_a_lost_feed_is_told(live: Live, address: str, redis_url: str) -> None:
    account_id = await live.world.account()
    async with (
        client(address, live.token(Role.ADMIN)) as websocket,
        redis.asyncio.Redis.from_url(redis_url, socket_timeout=None) as other,
    ):
        await subscribe(websocket, "orders")
        await other.client_kill_filter(_type="pubsub")
        await until(websocket, "gap")
        assert live.app.state.hub.is_following
        await live.system.post("/v1/orders", json=an_order(account_id))
        await until(websocket, "change")


BAD_CHANGES = (
    b"{",
    b"[]",
    b"\xff",
    b'{"kind": "orders", "position": 1}',
    b'{"kind": "orders", "position": 1, "rows": [1, "x"]}',
    b'{"kind": "orders", "position": 1, "rows": [{"account_id": 5}]}',
)


async def test_a_change_that_cannot_be_understood_stops_nothing(
    live: Live, address: str, redis_url: str
) -> None:
    account_id = await live.world.account()
    async with (
        AsyncExitStack() as stack,
        client(address, live.token(Role.ADMIN)) as websocket,
        redis.asyncio.Redis.from_url(redis_url, socket_timeout=None) as other,
    ):
        await subscribe(websocket, "orders")
        bound = live.token(Role.CLIENT, account_id)
        other_client = await stack.enter_async_context(client(address, bound))
        await subscribe(other_client, "orders")
        for bad in BAD_CHANGES:
            await other.publish(CHANNEL, bad)
        await live.system.post("/v1/orders", json=an_order(account_id))
        change = await until(other_client, "change")
        assert change["rows"][0]["account_id"] == account_id


async def test_a_client_that_does_not_read_is_dropped_and_slows_nobody(
    live: Live, address: str
) -> None:
    """A flood of changes: the idle client goes, the others have every message."""
    rows = [msgspec.Raw(json.dumps({"account_id": "a", "text": "x" * 8_000}).encode())]
    flood = 4 * QUEUE_SIZE
    hub = live.app.state.hub
    async with AsyncExitStack() as stack:
        readers = [
            await stack.enter_async_context(client(address, live.token(Role.ADMIN)))
            for _ in range(3)
        ]
        idle = await stack.enter_async_context(stuck(address, live.token(Role.ADMIN)))
        for reader in readers:
            await subscribe(reader, "orders")

        async def read(reader: ClientConnection) -> list[int]:
            return [(await until(reader, "change"))["position"] for _ in range(flood)]

        async with asyncio.TaskGroup() as tasks:
            reading = [tasks.create_task(read(reader)) for reader in readers]
            for position in range(flood):
                hub.publish(Change("orders", position, rows))
                if position % 50 == 0:
                    await asyncio.sleep(0.005)
        for task in reading:
            assert task.result() == list(range(flood))
        await metric_is(live, "patriot_api_stream_dropped_total", 1)
        assert idle is not None
    assert metric(live, "patriot_api_stream_dropped_total") == 1


@asynccontextmanager
async def stuck(address: str, token: str) -> AsyncIterator[asyncio.StreamWriter]:
    """A client that subscribes and then never reads again: its socket fills up."""
    host, _, port = address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1_024)
    writer.write(
        f"GET /v1/stream HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        f"Authorization: Bearer {token}\r\n\r\n".encode()
    )
    assert (await reader.readline()).startswith(b"HTTP/1.1 101")
    text = b'{"op": "subscribe", "channels": ["orders"]}'
    mask = b"\x00\x00\x00\x00"
    writer.write(bytes([0x81, 0x80 | len(text)]) + mask + text)
    try:
        yield writer
    finally:
        writer.transport.abort()


def metric(live: Live, name: str) -> float:
    value = live.app.state.registry.get_sample_value(name)
    return 0.0 if value is None else value


async def metric_is(live: Live, name: str, value: float) -> None:
    """Wait for a metric: nothing else tells when the server has noticed."""
    async with asyncio.timeout(10):
        while metric(live, name) != value:  # noqa: ASYNC110  # a metric sets no event
            await asyncio.sleep(0.005)


async def test_connections_are_counted(live: Live, address: str) -> None:
    async with client(address, live.token(Role.ADMIN)) as websocket:
        await until(websocket, "welcome")
        assert metric(live, "patriot_api_stream_connections") == 1
    await metric_is(live, "patriot_api_stream_connections", 0)


# The hub by itself


def a_change(*accounts: str, kind: str = "orders") -> Change:
    rows = [msgspec.Raw(json.dumps({"account_id": account}).encode()) for account in accounts]
    return Change(kind, 7, rows)


async def test_a_message_is_encoded_once_for_all_who_get_it() -> None:
    hub = Hub(no_changes, ApiMetrics(CollectorRegistry()))
    subscribers = [Subscriber(None), Subscriber(None), Subscriber(frozenset({"a"}))]
    for subscriber in subscribers:
        hub.subscribe(subscriber, "orders")
    hub.publish(a_change("a", "b"))
    first, second, bound = [(await subscriber.take())[0] for subscriber in subscribers]
    assert first is second
    assert json.loads(first)["rows"] == [{"account_id": "a"}, {"account_id": "b"}]
    assert json.loads(bound)["rows"] == [{"account_id": "a"}]


async def test_who_left_gets_nothing_and_leaves_nothing_behind() -> None:
    hub = Hub(no_changes, ApiMetrics(CollectorRegistry()))
    subscriber = Subscriber(frozenset({"a", "b"}))
    hub.join(subscriber)
    for channel in ("orders", "balances", "candles:BTCUSDT"):
        hub.subscribe(subscriber, channel)
    hub.leave(subscriber)
    hub.publish(a_change("a"))
    assert hub.topics == 0


async def test_a_full_queue_marks_the_reader_and_frees_its_memory() -> None:
    subscriber = Subscriber(None, queue_size=3)
    for number in range(3):
        subscriber.offer(str(number))
    assert not subscriber.too_slow.is_set()
    subscriber.offer("one too many")
    assert subscriber.too_slow.is_set()
    subscriber.offer("later")
    assert subscriber.waiting == 0
