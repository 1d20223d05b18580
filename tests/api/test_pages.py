"""Lists by cursor: complete, in order, and stable while rows come in."""

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.errors import Problem
from api.reads.cursor import decode_cursor, encode_cursor
from api.reads.ordering import OrderKey
from api.reads.pool import rfc3339
from tests.api.online import Live
from tests.api.served import an_order, problem
from tests.domain.world import a_fill

MISSING = "00000000-0000-4000-8000-000000000000"
NEW_YEAR = "2026-01-01T00:00:00Z"


async def place(live: Live, account_id: str, count: int, **fields: Any) -> list[str]:
    """Orders at times of their own, two at each time; their ids, oldest first."""
    placed = []
    for number in range(count):
        if number % 2:
            await live.world.clock.sleep(0.01)
        answer = await live.system.post(
            "/v1/orders",
            json=an_order(account_id, **{"quantity": f"0.{number + 100}", **fields}),
        )
        assert answer.status_code == 201, answer.text
        placed.append(answer.json()["order_id"])
    return placed


async def pages(live: Live, path: str, **query: Any) -> list[list[dict[str, Any]]]:
    seen: list[list[dict[str, Any]]] = []
    cursor: str | None = ""
    while cursor is not None:
        if cursor:
            query["cursor"] = cursor
        answer = await live.system.get(path, params={"at_least": live.head, **query})
        assert answer.status_code == 200, answer.text
        seen.append(answer.json()["items"])
        assert answer.json()["next_cursor"] != cursor
        cursor = answer.json()["next_cursor"]
    return seen


async def test_every_order_once_newest_first(live: Live) -> None:
    account_id = await live.world.account(deposit="100000")
    placed = await place(live, account_id, 11)
    for limit in (1, 2, 5, 10, 11, 500):
        seen = await pages(live, "/v1/orders", limit=limit)
        assert all(len(page) == limit for page in seen[:-1])
        rows = [row for page in seen for row in page]
        assert sorted(row["order_id"] for row in rows) == sorted(placed)
        keys = [(row["placed_at"], row["order_id"]) for row in rows]
        assert keys == sorted(keys, reverse=True)


async def test_orders_that_come_in_between_change_nothing(live: Live) -> None:
    account_id = await live.world.account(deposit="100000")
    before = await place(live, account_id, 6)
    first = await live.system.get("/v1/orders", params={"limit": 3, "at_least": live.head})
    await live.world.clock.sleep(1)
    await place(live, account_id, 4, side="sell", limit_price="101")
    rest = await live.system.get(
        "/v1/orders",
        params={"limit": 3, "cursor": first.json()["next_cursor"], "at_least": live.head},
    )
    seen = [row["order_id"] for row in first.json()["items"] + rest.json()["items"]]
    assert sorted(seen) == sorted(before)
    assert rest.json()["next_cursor"] is None


async def test_filters_hold_across_pages(live: Live) -> None:
    alice = await live.world.account("alice", deposit="100000")
    bob = await live.world.account("bob", deposit="100000")
    wanted = await place(live, alice, 5)
    await place(live, bob, 3)
    await place(live, alice, 3, symbol="ETHUSDT")
    await live.system.delete(f"/v1/orders/{wanted[0]}")
    seen = await pages(live, "/v1/orders", account_id=alice, symbol="BTCUSDT", limit=2)
    assert {row["order_id"] for page in seen for row in page} == set(wanted)
    seen = await pages(live, "/v1/orders", account_id=alice, status="pending_cancel", limit=2)
    assert [row["order_id"] for page in seen for row in page] == [wanted[0]]


async def test_accounts_executions_and_timelines(live: Live) -> None:
    accounts = [await live.world.account(name) for name in ("a", "b", "c")]
    seen = await pages(live, "/v1/accounts", limit=2)
    assert {row["account_id"] for page in seen for row in page} == set(accounts)
    seen = await pages(live, "/v1/accounts", client_id="b")
    assert [row["account_id"] for row in seen[0]] == [accounts[1]]

    (order_id,) = await place(live, accounts[0], 1, quantity="1")
    order = await live.world.order(order_id)
    for number in range(1, 6):
        await live.world.here.booking.book(a_fill(order, f"t{number}", "0.1", "99.5"))
    seen = await pages(live, "/v1/executions", order_id=order_id, limit=2)
    numbers = [row["execution_number"] for page in seen for row in page]
    assert numbers == [5, 4, 3, 2, 1]
    seen = await pages(live, f"/v1/orders/{order_id}/timeline", limit=2)
    versions = [row["version"] for page in seen for row in page]
    assert versions == list(range(1, len(versions) + 1))
    assert len(versions) == 6


async def test_a_cursor_of_another_list(live: Live) -> None:
    await live.world.account()
    for cursor in (
        {"executed_at": NEW_YEAR, "order_id": MISSING, "execution_number": 1},
        {"placed_at": "yesterday", "order_id": MISSING},
        {"placed_at": "2026-01-01T00:00:00", "order_id": "' or 1=1"},
        {"placed_at": NEW_YEAR, "order_id": "nul\x00"},
        {"placed_at": 1, "order_id": MISSING},
        [NEW_YEAR, MISSING],
    ):
        text = urlsafe_b64encode(json.dumps(cursor).encode()).decode()
        answer = await live.system.get("/v1/orders", params={"cursor": text})
        problem(answer, 422, "invalid_cursor")


async def test_a_list_of_an_account_that_is_not_there(live: Live) -> None:
    for path in ("/v1/orders", "/v1/executions"):
        answer = await live.system.get(path, params={"account_id": MISSING})
        problem(answer, 404, "account_not_found")
    account_id = await live.world.account()
    answer = await live.system.get(
        "/v1/orders", params={"account_id": account_id, "at_least": live.head}
    )
    # The accounts read model is another one than the orders'.
    await live.system.get(f"/v1/accounts/{account_id}", params={"at_least": live.head})
    answer = await live.system.get("/v1/orders", params={"account_id": account_id})
    assert answer.json() == {"items": [], "next_cursor": None}


@given(st.datetimes(timezones=st.just(UTC)), st.uuids())
def test_a_cursor_keeps_what_it_was_made_of(placed_at: datetime, order_id: UUID) -> None:
    key = OrderKey(placed_at, order_id)
    assert decode_cursor(encode_cursor(key), OrderKey) == key


@given(st.text())
def test_no_text_breaks_the_cursor(text: str) -> None:
    with pytest.raises(Problem, match="cursor"):
        decode_cursor(text, OrderKey)


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("2026-11-21 06:19:16.12+00", "2026-11-21T06:19:16.120000Z"),
        ("2026-11-21 06:19:16+00", "2026-11-21T06:19:16.000000Z"),
        ("2026-11-21 06:19:16.123456+00", "2026-11-21T06:19:16.123456Z"),
    ],
)
def test_times_always_have_microseconds(stored: str, shown: str) -> None:
    assert rfc3339(stored) == shown
