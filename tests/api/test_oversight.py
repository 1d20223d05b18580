"""What operators see of accounts that do not trade, of problems, of leaders; and what they do."""

import json
from typing import Any

import pytest

from api.auth.role import Role
from api.documents.operations import ProblemKind
from projections import problems
from tests.api.found import (
    a_failure,
    a_leader,
    a_success,
    something_external,
    something_impossible,
)
from tests.api.online import Live
from tests.api.served import Served, an_order, problem
from tests.domain.world import context_for


async def get(live: Live, path: str, **query: Any) -> Any:
    answer = await live.system.get(path, params={"at_least": live.head, **query})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def items(live: Live, path: str, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await get(live, path, **query))["items"]
    return found


def test_the_api_names_every_kind_of_problem_there_is() -> None:
    assert [kind.value for kind in ProblemKind] == [kind.value for kind in problems.ProblemKind]


async def test_an_account_says_whether_it_trades_and_why(live: Live) -> None:
    account_id = await live.world.account()
    path = f"/v1/accounts/{account_id}"
    seen = []
    for step in (None, something_external, a_failure, a_success):
        if step is not None:
            await step(live.world, account_id)
        account = await get(live, path)
        seen.append(
            (
                account["trading_state"],
                account["unacknowledged"],
                account["reconciliation_failure"],
            )
        )
    assert seen == [
        ("active", 0, None),
        ("reducing", 1, None),
        ("halted", 1, "the venue is away"),
        ("reducing", 1, None),
    ]


async def test_accounts_are_found_by_their_trading_state(live: Live) -> None:
    active, reducing = await live.world.account("alice"), await live.world.account("bob")
    await something_external(live.world, reducing)
    for state, account_id in (("active", active), ("reducing", reducing)):
        (row,) = await items(live, "/v1/accounts", trading_state=state)
        assert row["account_id"] == account_id
    assert await items(live, "/v1/accounts", trading_state="halted") == []


async def test_acknowledging_lets_the_account_trade_again(live: Live) -> None:
    account_id = await live.world.account()
    await something_external(live.world, account_id)
    order = an_order(account_id)
    problem(await live.system.post("/v1/orders", json=order), 422, "trading_reducing")
    path = f"/v1/accounts/{account_id}/acknowledgements"
    answer = await live.system.post(path, json={"reason": "my own trade"})
    assert answer.status_code == 201, answer.text
    assert answer.json().keys() == {"account_id", "request_id", "position"}
    assert answer.headers["log-position"] == str(live.head)
    assert (await get(live, f"/v1/accounts/{account_id}"))["trading_state"] == "active"
    assert (await live.system.post("/v1/orders", json=order)).status_code == 201


async def test_an_acknowledgement_is_recorded_once(served: Served, account_id: str) -> None:
    path = f"/v1/accounts/{account_id}/acknowledgements"
    headers = {"Idempotency-Key": "k"}
    problem(await served.system.post(path, json={"reason": "x"}), 409, "nothing_to_acknowledge")
    await something_external(served.world, account_id)
    first = await served.system.post(path, json={"reason": "seen"}, headers=headers)
    head = served.head
    again = await served.system.post(path, json={"reason": "seen"}, headers=headers)
    assert first.json() == again.json()
    other = await served.system.post(path, json={"reason": "other"}, headers=headers)
    problem(other, 409, "idempotency_key_reused")
    for body in ({}, {"reason": ""}, {"reason": "x", "force": True}):
        assert (await served.system.post(path, json=body)).status_code == 422
    assert served.head == head
    data = json.loads(served.world.store.events[-1].data)
    assert (data["reason"], data["request_id"]) == ("seen", first.json()["request_id"])


async def test_problems_newest_first_with_what_was_said(live: Live) -> None:
    account_id = await live.world.account()
    await something_impossible(live.world, '{"qty": NaN}\x00')
    await something_external(live.world, account_id)
    await a_failure(live.world, account_id)
    rows = await items(live, "/v1/problems")
    assert [row["kind"] for row in rows] == [
        "reconciliation_failed",
        "external_position",
        "venue_data",
    ]
    failed, external, impossible = rows
    assert (failed["reason"], failed["account_id"]) == ("the venue is away", account_id)
    assert external["reason"] == "BTCUSDT: believed 0, found 2"
    assert impossible["stream"] == "session-paper"
    assert (impossible["code"], impossible["raw"]) == ("unreadable", '{"qty": NaN}␀')
    assert impossible["account_id"] is None


async def test_problems_by_account_by_kind_and_since(live: Live) -> None:
    alice, bob = await live.world.account("alice"), await live.world.account("bob")
    for account_id in (alice, bob):
        await something_external(live.world, account_id)
    await live.world.clock.sleep(60)
    await a_failure(live.world, alice)
    hers = await items(live, "/v1/problems", account_id=alice)
    assert [row["kind"] for row in hers] == ["reconciliation_failed", "external_position"]
    found = await items(live, "/v1/problems", kind="external_position")
    assert [row["account_id"] for row in found] == [bob, alice]
    (late,) = await items(live, "/v1/problems", since="2026-03-02T12:00:30Z")
    assert late["kind"] == "reconciliation_failed"
    first = await get(live, "/v1/problems", limit=2)
    rest = await get(live, "/v1/problems", limit=2, cursor=first["next_cursor"])
    assert len({row["position"] for row in first["items"] + rest["items"]}) == 3
    assert rest["next_cursor"] is None


async def test_a_bound_operator_sees_the_problems_of_his_accounts(live: Live) -> None:
    alice, bob = await live.world.account("alice"), await live.world.account("bob")
    await something_impossible(live.world)
    for account_id in (alice, bob):
        await something_external(live.world, account_id)
    async with live.caller(Role.OPERATOR, alice) as operator:
        answer = await operator.get("/v1/problems", params={"at_least": live.head})
    assert [row["account_id"] for row in answer.json()["items"]] == [alice]


async def test_leaders_newest_first(live: Live) -> None:
    for epoch in (1, 2, 5):
        await a_leader(live.world, epoch)
    rows = await items(live, "/v1/leaders", venue="paper")
    assert [(row["venue"], row["epoch"]) for row in rows] == [
        ("paper", 5),
        ("paper", 2),
        ("paper", 1),
    ]
    assert await items(live, "/v1/leaders", venue="nowhere") == []
    (newest,) = await items(live, "/v1/leaders", limit=1)
    assert newest["epoch"] == 5


async def test_the_limits_say_whether_a_halt_is_confirmed(live: Live) -> None:
    path = "/v1/risk/limits/system"
    assert (await get(live, path))["halt_confirmed"] is None
    await live.system.post("/v1/risk/halt", json={"scope": "system", "reason": "drill"})
    assert (await get(live, path))["halt_confirmed"] is False
    await live.world.here.risk.confirm_halt("system", context_for("confirm"))
    assert (await get(live, path))["halt_confirmed"] is True
    await live.system.post("/v1/risk/resume", json={"scope": "system", "reason": "over"})
    assert (await get(live, path))["halt_confirmed"] is None


@pytest.mark.parametrize("query", ["kind=other", "since=yesterday", "account_id=me", "cursor=x"])
async def test_queries_that_cannot_be(served: Served, query: str) -> None:
    assert (await served.system.get(f"/v1/problems?{query}")).status_code == 422
