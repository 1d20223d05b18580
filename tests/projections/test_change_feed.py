"""Changed rows on the feed, as they stand in the read models."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import redis.asyncio
from prometheus_client import CollectorRegistry

from projections.change_feed import CHANNEL, ROWS_IN_MESSAGE, RedisChangeFeed, Row, message
from projections.metrics import ProjectionMetrics
from tests.projections.desk import BY_NAME, Desk
from tests.projections.history import History


class ListFeed:
    """Keeps what is published."""

    def __init__(self) -> None:
        self.published: dict[str, list[tuple[int | None, Row]]] = defaultdict(list)

    async def publish(self, kind: str, rows: Sequence[Row], position: int | None) -> None:
        self.published[kind] += [(position, row) for row in rows]


async def test_the_last_that_is_told_of_a_row_is_the_row(desk: Desk) -> None:
    await desk.append(History(81), 500)
    await desk.runner().install()
    feed = ListFeed()
    for name in ("orders", "accounts"):
        lease = await desk.lease(BY_NAME[name])
        await desk.worker(lease, BY_NAME[name], feed=feed, page_size=30).catch_up()
    keys = {
        "orders": ("order_id",),
        "executions": ("order_id", "execution_number"),
        "balances": ("account_id", "asset"),
    }
    assert feed.published.keys() == keys.keys()
    for kind, key in keys.items():
        last = {tuple(row[k] for k in key): row for _, row in feed.published[kind]}
        shown = await desk.connection.fetch(f"select * from read.{kind}")
        assert len(last) == len(shown)
        for row in shown:
            told = last[tuple(_comparable(row[k]) for k in key)]
            assert {k: _comparable(v) for k, v in row.items()} == dict(told)


def _comparable(value: Any) -> Any:
    return str(value) if type(value).__name__ == "UUID" else value


async def test_nothing_is_told_before_it_is_committed(desk: Desk) -> None:
    await desk.append(History(82), 300)
    await desk.runner().install()
    seen: list[bool] = []

    class LookingFeed(ListFeed):
        async def publish(self, kind: str, rows: Sequence[Row], position: int | None) -> None:
            assert position is not None
            seen.append(await desk.checkpoint("orders") >= position)

    await desk.worker(await desk.lease(), feed=LookingFeed()).catch_up()
    assert seen
    assert all(seen)


async def test_messages_on_redis(redis_url: str) -> None:
    metrics = ProjectionMetrics(CollectorRegistry())
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        subscription = client.pubsub()
        await subscription.subscribe(CHANNEL)
        rows = [{"order_id": str(n), "quantity": Decimal("1E-8")} for n in range(250)]
        await RedisChangeFeed(client, metrics, patience=30).publish("orders", rows, 77)
        messages: list[dict[str, Any]] = []
        while sum(len(m["rows"]) for m in messages) < 250:
            got = await subscription.get_message(ignore_subscribe_messages=True, timeout=5)
            messages += [json.loads(got["data"])] if got else []
        await subscription.aclose()  # type: ignore[no-untyped-call]  # redis has no type for it
    assert [len(m["rows"]) for m in messages] == [ROWS_IN_MESSAGE, 50]
    assert {(m["kind"], m["position"]) for m in messages} == {("orders", 77)}
    assert messages[0]["rows"][0] == {"order_id": "0", "quantity": "0.00000001"}


def test_decimals_are_plain_and_times_rfc_3339() -> None:
    row = {
        "a": Decimal("0E-12"),
        "b": Decimal("1E+3"),
        "c": Decimal("-1.50"),
        "d": None,
        "e": "1E-8",
        "at": datetime(2026, 1, 2, 3, 4, 5, 600, tzinfo=UTC),
    }
    assert json.loads(message("balances", [row], 5)) == {
        "kind": "balances",
        "position": 5,
        "rows": [
            {
                "a": "0.000000000000",
                "b": "1000",
                "c": "-1.50",
                "d": None,
                "e": "1E-8",
                "at": "2026-01-02T03:04:05.000600Z",
            }
        ],
    }


async def test_a_feed_that_is_down_is_counted_and_stops_nothing(desk: Desk) -> None:
    await desk.append(History(83), 100)
    await desk.runner().install()
    # A socket that is not there.
    async with redis.asyncio.Redis(unix_socket_path="/nonexistent/socket") as client:
        feed = RedisChangeFeed(client, desk.metrics)
        await desk.worker(await desk.lease(), feed=feed).catch_up()
    assert await desk.checkpoint("orders") == await desk.log.head()
    lost = desk.metrics.registry.get_sample_value(
        "patriot_change_feed_lost_rows_total", {"kind": "orders"}
    )
    assert lost is not None
    assert lost >= await desk.connection.fetchval("select count(*) from read.orders") > 0


async def test_a_rebuild_tells_nobody(desk: Desk) -> None:
    await desk.append(History(84), 100)
    feed = ListFeed()
    runner = desk.runner(feed=feed)
    await runner.install()
    await runner.rebuild("orders")
    assert not feed.published
    await asyncio.sleep(0)
