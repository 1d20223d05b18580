"""Every route against every role, on an own, a foreign and a missing object."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute

from api.app import DOCS_PATHS, require_policies
from api.auth.policy import UndeclaredPolicy
from api.auth.role import Role
from api.route import PolicyRoute
from tests.api.online import Live
from tests.api.served import Answer, Served, an_order, offline, problem

MISSING = "00000000-0000-4000-8000-000000000000"

MONEY_READERS = {Role.CLIENT, Role.OPERATOR, Role.MANAGER, Role.COMPLIANCE, Role.ADMIN}
TRADERS = {Role.CLIENT, Role.OPERATOR, Role.MANAGER, Role.ADMIN}
OPERATORS = {Role.OPERATOR, Role.MANAGER, Role.ADMIN}
RISK = {Role.MANAGER, Role.ADMIN}
HALTERS = {Role.OPERATOR, Role.MANAGER, Role.COMPLIANCE, Role.ADMIN}
WATCHERS = HALTERS | {Role.DEVELOPER}

ROUTES: dict[str, tuple[set[Role], str | None]] = {
    "POST /v1/accounts": (OPERATORS, None),
    "GET /v1/accounts": (MONEY_READERS, None),
    "GET /v1/accounts/{account_id}": (MONEY_READERS, "account_not_found"),
    "POST /v1/accounts/{account_id}/deposits": (OPERATORS, "account_not_found"),
    "POST /v1/accounts/{account_id}/withdrawals": (OPERATORS, "account_not_found"),
    "POST /v1/accounts/{account_id}/acknowledgements": (HALTERS, "account_not_found"),
    "GET /v1/accounts/{account_id}/balances": (MONEY_READERS, "account_not_found"),
    "GET /v1/accounts/{account_id}/positions": (MONEY_READERS, "account_not_found"),
    "POST /v1/orders": (TRADERS, "account_not_found"),
    "GET /v1/orders": (MONEY_READERS, None),
    "GET /v1/orders?account_id={account_id}": (MONEY_READERS, "account_not_found"),
    "GET /v1/orders/{order_id}": (MONEY_READERS, "order_not_found"),
    "GET /v1/orders/{order_id}/timeline": (MONEY_READERS, "order_not_found"),
    "PATCH /v1/orders/{order_id}": (TRADERS, "order_not_found"),
    "DELETE /v1/orders/{order_id}": (TRADERS, "order_not_found"),
    "GET /v1/executions": (MONEY_READERS, None),
    "GET /v1/executions?account_id={account_id}": (MONEY_READERS, "account_not_found"),
    "GET /v1/risk/limits/{scope}": (MONEY_READERS, "scope_not_found"),
    "PUT /v1/risk/limits/{scope}": (RISK, None),
    "POST /v1/risk/halt": (HALTERS, None),
    "POST /v1/risk/reduce": (HALTERS, None),
    "POST /v1/risk/resume": (RISK, None),
    "GET /v1/events": (HALTERS, None),
    "GET /v1/problems": (HALTERS, None),
    "GET /v1/problems?account_id={account_id}": (HALTERS, "account_not_found"),
    "GET /v1/leaders": (WATCHERS, None),
    "GET /v1/projections": (WATCHERS, None),
    "GET /v1/market/candles": (set(Role), None),
    "GET /v1/instruments": (set(Role), None),
    "GET /v1/instruments/{symbol}": (set(Role), None),
    "GET /health/ready": (set(Role), None),
    "GET /metrics": (WATCHERS, None),
}
"""Who may use each route, and what somebody else's object answers there."""

WHOLE_SYSTEM = {
    "POST /v1/accounts", "PUT /v1/risk/limits/{scope}", "POST /v1/risk/halt",
    "POST /v1/risk/reduce", "POST /v1/risk/resume", "GET /v1/events", "GET /v1/projections",
    "GET /v1/leaders", "GET /metrics",
}  # fmt: skip
"""Routes that tokens bound to accounts may not use, whatever their role."""

BODIES: dict[str, dict[str, Any]] = {
    "POST /v1/accounts": {"client_id": "carol"},
    "POST /v1/accounts/{account_id}/deposits": {"asset": "USDT", "amount": "1"},
    "POST /v1/accounts/{account_id}/withdrawals": {"asset": "USDT", "amount": "1"},
    "POST /v1/accounts/{account_id}/acknowledgements": {"reason": "matrix"},
    "PATCH /v1/orders/{order_id}": {"limit_price": "98.00"},
    "PUT /v1/risk/limits/{scope}": {"limits": {}, "reason": "matrix"},
    "POST /v1/risk/halt": {"scope": "strategy:none", "reason": "matrix"},
    "POST /v1/risk/reduce": {"scope": "strategy:none", "reason": "matrix"},
    "POST /v1/risk/resume": {"scope": "strategy:none", "reason": "matrix"},
}


def declared(app: FastAPI) -> Iterator[tuple[str, PolicyRoute]]:
    for route in app.routes:
        if isinstance(route, PolicyRoute):
            for method in sorted(route.methods or ()):
                yield f"{method} {route.path}", route


async def ask(
    served: Served, route: str, token: str | None, account_id: str, order_id: str
) -> Answer:
    method, _, template = route.partition(" ")
    path = template.format(
        account_id=account_id, order_id=order_id, scope=f"account:{account_id}", symbol="BTCUSDT"
    )
    if route == "GET /v1/market/candles":
        path += "?symbol=BTCUSDT"
    body = an_order(account_id) if route == "POST /v1/orders" else BODIES.get(route)
    async with served.bearer(token) as caller:
        return await caller.request(method, path, json=body)


async def test_the_matrix_is_complete(served: Served) -> None:
    routes = {name for name, _ in declared(served.app)} - {"GET /health/live"}
    assert routes == {name.partition("?")[0] for name in ROUTES}


async def test_every_route_but_live_refuses_without_a_token(served: Served) -> None:
    for name, route in declared(served.app):
        answer = await ask(served, name, None, MISSING, MISSING)
        if route.policy.is_public:
            assert (name, answer.status_code) == ("GET /health/live", 200)
        else:
            problem(answer, 401, "unauthenticated")
    assert served.head == 1


async def test_roles(served: Served) -> None:
    """403 for whom a route is not; what others get depends on the route, but is not 401 or 403."""
    for name, (admitted, _) in ROUTES.items():
        for role in Role:
            accounts = [MISSING] if role is Role.CLIENT else []
            token = served.token(role, *accounts)
            answer = await ask(served, name, token, MISSING, MISSING)
            if role in admitted:
                assert answer.status_code not in (401, 403), (name, role, answer.text)
            else:
                problem(answer, 403, "forbidden")


async def test_tokens_bound_to_accounts_do_not_reach_the_whole_system(served: Served) -> None:
    for name in ROUTES:
        token = served.token(Role.ADMIN, MISSING)
        answer = await ask(served, name, token, MISSING, MISSING)
        assert (answer.status_code == 403) == (name in WHOLE_SYSTEM), (name, answer.text)


async def test_own_foreign_and_missing(live: Live) -> None:
    """Each role, bound to an account: its own objects answer, others look like missing ones."""
    own, foreign = await live.world.account("alice"), await live.world.account("bob")
    orders = {}
    for account in (own, foreign):
        placed = await live.system.post("/v1/orders", json=an_order(account))
        orders[account] = placed.json()["order_id"]
    await live.system.get(f"/v1/orders/{orders[own]}/timeline", params={"at_least": live.head})
    await live.system.get(f"/v1/accounts/{own}", params={"at_least": live.head})
    orders[MISSING] = MISSING
    for name, (admitted, code) in ROUTES.items():
        if code is None:
            continue
        for role in sorted(admitted):
            token = live.token(role, own)
            head = live.head
            for account in (foreign, MISSING):
                answer = await ask(live, name, token, account, orders[account])
                problem(answer, 404, code)
            assert live.head == head, name
            answer = await ask(live, name, token, own, orders[own])
            assert answer.status_code not in (401, 403, 404), (name, role, answer.text)


async def test_lists_show_only_what_is_in_reach(live: Live) -> None:
    own, foreign = await live.world.account("alice"), await live.world.account("bob")
    for account in (own, foreign):
        await live.system.post("/v1/orders", json=an_order(account))
    at_least = {"at_least": str(live.head)}
    async with live.caller(Role.CLIENT, own) as alice:
        for path in ("/v1/orders", "/v1/accounts"):
            mine = (await alice.get(path, params=at_least)).json()["items"]
            everybodys = (await live.system.get(path, params=at_least)).json()["items"]
            assert [row["account_id"] for row in mine] == [own]
            assert {row["account_id"] for row in everybodys} == {own, foreign}


async def test_a_route_without_a_policy_cannot_be_added() -> None:
    async def open_to_all(request: Request) -> Response:
        return Response()

    with pytest.raises(UndeclaredPolicy):
        APIRouter(route_class=PolicyRoute).add_api_route("/v1/leak", open_to_all)
    for route in (Route("/leak", open_to_all), WebSocketRoute("/leak", open_to_all)):
        async with offline() as served:
            served.app.router.routes.append(route)
            with pytest.raises(UndeclaredPolicy):
                require_policies(served.app)


async def test_documentation_is_served_only_where_it_is_enabled(served: Served) -> None:
    for path in DOCS_PATHS:
        problem(await served.system.get(path), 404, "route_not_found")
    async with offline(docs_enabled=True) as documented:
        for path in DOCS_PATHS:
            assert (await documented.system.get(path)).status_code == 200
        paths = (await documented.system.get("/openapi.json")).json()["paths"]
    assert "/v1/orders/{order_id}" in paths
