"""From an open account to an order in the read models, over HTTP."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from domain.market_data import Candle
from tests.api.online import Live
from tests.api.served import an_order, problem
from tests.domain.world import a_fill


async def account(live: Live, deposit: str = "10000") -> str:
    opened = await live.system.post("/v1/accounts", json={"client_id": "alice"})
    assert opened.status_code == 201
    account_id: str = opened.json()["account_id"]
    path = f"/v1/accounts/{account_id}/deposits"
    paid = await live.system.post(path, json={"asset": "USDT", "amount": deposit})
    assert paid.status_code == 201
    return account_id


async def get(live: Live, path: str, at_least: Any, **query: Any) -> Any:
    answer = await live.system.get(path, params={"at_least": at_least, **query})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_open_deposit_place_and_read(live: Live) -> None:
    account_id = await account(live)
    placed = await live.system.post(
        "/v1/orders", json=an_order(account_id, client_order_id="mine", quantity="2.5")
    )
    assert placed.status_code == 201
    position = int(placed.headers["Log-Position"])
    document = placed.json()
    assert document["status"] == "pending_new"
    assert document["position"] == position
    order_id = document["order_id"]

    order = await get(live, f"/v1/orders/{order_id}", position)
    assert order["account_id"] == account_id
    assert order["client_order_id"] == "mine"
    assert (order["quantity"], order["limit_price"]) == ("2.5", "99.50")
    assert (order["status"], order["cum_quantity"], order["leaves_quantity"]) == (
        "pending_new",
        "0",
        "2.5",
    )
    assert order["placed_at"] == "2026-03-02T12:00:00.000000Z"
    assert order["average_price"] is None
    assert order["reduce_only"] is False
    assert order["position"] == position

    balances = await get(live, f"/v1/accounts/{account_id}/balances", position)
    (balance,) = balances["items"]
    assert Decimal(balance["balance"]) == 10_000
    fee = Decimal("2.5") * Decimal("99.50") * Decimal("0.0004")
    assert Decimal(balance["reserved"]) == Decimal("2.5") * Decimal("99.50") + fee
    assert Decimal(balance["available"]) == 10_000 - Decimal(balance["reserved"])

    timeline = await get(live, f"/v1/orders/{order_id}/timeline", position)
    assert [event["type"] for event in timeline["items"]] == ["OrderPlaced"]
    assert timeline["items"][0]["correlation_id"] == placed.headers["x-correlation-id"]
    assert timeline["items"][0]["data"]["terms"]["quantity"] == "2.5"


async def test_a_fill_shows_in_executions_and_positions(live: Live) -> None:
    account_id = await account(live)
    placed = await live.system.post("/v1/orders", json=an_order(account_id))
    order_id = placed.json()["order_id"]
    world = live.world
    order = await world.order(order_id)
    await world.here.booking.book(a_fill(order, "t1", "0.4", "99.5", fee="0.01592"))
    await world.settle()
    at = live.head

    (execution,) = (await get(live, "/v1/executions", at, account_id=account_id))["items"]
    assert (execution["quantity"], execution["price"], execution["fee"]) == (
        "0.4",
        "99.5",
        "0.01592",
    )
    assert execution["busted"] is False
    (position,) = (await get(live, f"/v1/accounts/{account_id}/positions", at))["items"]
    assert (position["symbol"], position["quantity"]) == ("BTCUSDT", "0.4")
    assert Decimal(position["average_price"]) == Decimal("99.5")
    order = await get(live, f"/v1/orders/{order_id}", at)
    assert (order["status"], order["cum_quantity"]) == ("partially_filled", "0.4")


async def test_a_refusal_is_recorded_and_explained(live: Live) -> None:
    account_id = await account(live, deposit="10")
    answer = await live.system.post("/v1/orders", json=an_order(account_id))
    refusal = problem(answer, 422, "insufficient_funds")
    position = int(answer.headers["Log-Position"])
    assert refusal["position"] == position == live.head
    assert [verdict["passed"] for verdict in refusal["verdicts"]] == [False]
    order = await get(live, f"/v1/orders/{refusal['order_id']}", position)
    assert (order["status"], order["refusal_code"]) == ("refused", "insufficient_funds")


async def test_cancel_and_amend_are_asked_for(live: Live) -> None:
    account_id = await account(live)
    order_id = (await live.system.post("/v1/orders", json=an_order(account_id))).json()["order_id"]
    path = f"/v1/orders/{order_id}"
    amended = await live.system.patch(path, json={"limit_price": "99.00"})
    assert amended.status_code == 202, amended.text
    assert amended.json()["order_id"] == order_id
    order = await get(live, path, amended.headers["Log-Position"])
    assert order["status"] == "pending_replace"
    cancelled = await live.system.delete(path, params={"reason": "changed my mind"})
    assert cancelled.status_code == 202
    order = await get(live, path, cancelled.headers["Log-Position"])
    assert order["status"] == "pending_cancel"
    again = await live.system.delete(path)
    problem(again, 409, "cancel_pending")


async def test_an_oco_request_makes_two_linked_orders(live: Live) -> None:
    account_id = await account(live)
    placed = await live.system.post(
        "/v1/orders",
        json=an_order(account_id, type="oco", side="sell", limit_price="110", stop_price="95"),
    )
    assert placed.status_code == 201, placed.text
    one, other = placed.json()["order_id"], placed.json()["linked_order_id"]
    at = placed.headers["Log-Position"]
    assert (await get(live, f"/v1/orders/{one}", at))["linked_order_id"] == other
    assert (await get(live, f"/v1/orders/{other}", at))["linked_order_id"] == one


async def test_limits_halt_and_resume(live: Live) -> None:
    account_id = await account(live)
    scope = f"account:{account_id}"
    unset = await get(live, f"/v1/risk/limits/{scope}", 0)
    assert (unset["version"], unset["state"], unset["limits"]) == (0, "active", {})
    body = {"limits": {"max_order_value": "50"}, "reason": "small"}
    done = await live.system.put(f"/v1/risk/limits/{scope}", json=body)
    assert done.status_code == 202
    shown = await get(live, f"/v1/risk/limits/{scope}", done.headers["Log-Position"])
    assert shown["limits"] == {"max_order_value": "50"}
    answer = await live.system.post("/v1/orders", json=an_order(account_id))
    problem(answer, 422, "max_order_value_exceeded")

    halt = {"scope": "system", "reason": "drill"}
    halted = await live.system.post("/v1/risk/halt", json=halt)
    shown = await get(live, "/v1/risk/limits/system", halted.headers["Log-Position"])
    assert (shown["state"], shown["reason"]) == ("halted", "drill")
    answer = await live.system.post("/v1/orders", json=an_order(account_id, quantity="0.1"))
    problem(answer, 422, "trading_halted")
    assert (await live.system.post("/v1/risk/resume", json=halt)).status_code == 202
    answer = await live.system.post("/v1/orders", json=an_order(account_id, quantity="0.1"))
    assert answer.status_code == 201
    problem(await live.system.post("/v1/risk/resume", json=halt), 409, "not_halted")


async def test_the_log_and_the_projections_can_be_read(live: Live) -> None:
    account_id = await account(live)
    stream = f"account-{account_id}"
    events = await live.system.get("/v1/events", params={"stream": stream})
    assert [event["type"] for event in events.json()["items"]] == [
        "AccountOpened",
        "FundsDeposited",
    ]
    deposits = await live.system.get("/v1/events", params={"type": "FundsDeposited", "limit": 1})
    (deposit,) = deposits.json()["items"]
    assert deposit["data"]["amount"] == "10000"
    assert deposit["metadata"]["actor"]["id"] == "admin-all"
    seen: list[int] = []
    after: int | None = 0
    while after is not None:
        page = await live.system.get("/v1/events", params={"after": after, "limit": 2})
        seen += [event["position"] for event in page.json()["items"]]
        after = page.json()["next_after"]
    assert seen == list(range(1, live.head + 1))
    names = {row["name"] for row in (await live.system.get("/v1/projections")).json()["items"]}
    assert names == {"accounts", "orders", "order_timeline", "risk", "operations"}


async def test_health_and_metrics(live: Live) -> None:
    await live.system.get("/v1/instruments")
    assert (await live.system.get("/health/live")).json() == {"status": "live"}
    ready = await live.system.get("/health/ready")
    assert ready.json()["checks"]["database"] is True
    live.world.here.risk_book.is_current = False
    problem(await live.system.get("/health/ready"), 503, "not_ready")
    text = (await live.system.get("/metrics")).text
    assert (
        'patriot_api_requests_total{method="GET",route="/v1/instruments",status="200"} 1.0' in text
    )


async def test_candles_come_oldest_first(live: Live) -> None:
    price = Decimal("1.50")
    opened = [datetime(2026, 3, 2, 12, minute, tzinfo=UTC) for minute in range(5)]
    await live.candles.write(
        [Candle("BTCUSDT", "1m", at, price, price, price, price, price, 3, True) for at in opened]
    )
    query = {
        "symbol": "BTCUSDT",
        "from": "2026-03-02T13:01:00+01:00",
        "to": "2026-03-02T12:04:00Z",
        "limit": "2",
    }
    first = (await live.system.get("/v1/market/candles", params=query)).json()
    more = {**query, "cursor": first["next_cursor"]}
    second = (await live.system.get("/v1/market/candles", params=more)).json()
    candles = first["items"] + second["items"]
    assert [candle["opened_at"][14:16] for candle in candles] == ["01", "02", "03"]
    assert second["next_cursor"] is None
    assert candles[0] == {
        "symbol": "BTCUSDT",
        "interval": "1m",
        "opened_at": "2026-03-02T12:01:00.000000Z",
        "open": "1.50",
        "high": "1.50",
        "low": "1.50",
        "close": "1.50",
        "volume": "1.50",
        "trades": 3,
        "closed": True,
    }
