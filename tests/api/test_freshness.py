"""Reading one's own write: wait until the read model has it, but not for ever."""

import asyncio

import asyncpg
import pytest

from api.reads.freshness import Freshness
from api.reads.pool import read_pool
from tests.api.online import Live, online
from tests.api.served import an_order, problem


async def test_a_read_sees_the_write_it_asks_for(live: Live) -> None:
    account_id = await live.world.account(deposit="1000000")
    for number in range(30):
        placed = await live.system.post(
            "/v1/orders", json=an_order(account_id, quantity=f"0.{number + 10}")
        )
        order_id = placed.json()["order_id"]
        shown = await live.system.get(
            f"/v1/orders/{order_id}", params={"at_least": placed.headers["Log-Position"]}
        )
        assert shown.status_code == 200, shown.text


async def test_positions_that_do_not_concern_a_projection_are_reached_too(live: Live) -> None:
    account_id = await live.world.account()
    answer = await live.system.get("/v1/risk/limits/system", params={"at_least": live.head})
    assert answer.status_code == 200
    assert account_id


async def test_a_position_of_the_future(postgres_dsn: str, redis_url: str) -> None:
    async with online(postgres_dsn, redis_url, read_wait_seconds=0.3) as live:
        answer = await live.system.get("/v1/orders", params={"at_least": live.head + 1})
        problem(answer, 503, "read_model_behind")
        assert answer.headers["retry-after"] == "1"


async def test_who_waits_is_woken_by_the_write(live: Live) -> None:
    async with asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(
            live.system.get("/v1/accounts", params={"at_least": live.head + 2})
        )
        await asyncio.sleep(0)
        account_id = await live.world.account()
    assert [row["account_id"] for row in reading.result().json()["items"]] == [account_id]


async def test_without_notifications_the_checkpoints_are_looked_at(
    live: Live, postgres_dsn: str
) -> None:
    await live.world.account()
    async with read_pool(postgres_dsn, 1) as pool:
        deaf = Freshness(pool, live.clock)
        await deaf.wait("accounts", live.head)
        assert deaf.positions()["accounts"] >= live.head


async def test_waiting_survives_a_lost_connection(live: Live, postgres_dsn: str) -> None:
    connection = await asyncpg.connect(postgres_dsn)
    try:
        await connection.fetch(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = 'patriot-api'"
        )
    finally:
        await connection.close()
    account_id = await live.world.account()
    answer = await live.system.get(f"/v1/accounts/{account_id}", params={"at_least": live.head})
    if answer.status_code == 503:
        # The first read may meet the broken connection itself; the pool replaces it.
        problem(answer, 503, "database_unavailable")
        answer = await live.system.get(f"/v1/accounts/{account_id}", params={"at_least": live.head})
    assert answer.json()["account_id"] == account_id


@pytest.mark.parametrize("name", ["orders", "accounts"])
async def test_a_rebuild_does_not_interrupt_reads(live: Live, name: str) -> None:
    account_id = await live.world.account()
    await live.system.post("/v1/orders", json=an_order(account_id))
    await live.runner.rebuild(name)
    for path in ("/v1/orders", "/v1/accounts"):
        answer = await live.system.get(path, params={"at_least": live.head})
        assert [row["account_id"] for row in answer.json()["items"]] == [account_id]
