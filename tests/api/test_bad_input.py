"""What cannot be right is refused with a code of its own, and nothing is appended."""

import json
from typing import Any

import pytest

from api.auth.role import Role
from tests.api.served import Served, an_order, problem

MISSING = "00000000-0000-4000-8000-000000000000"

BAD_DECIMALS = (
    "NaN", "-NaN", "sNaN", "Infinity", "-Infinity", "-0", "-0.0", "1e400", "1E2", "1,5", "1.", ".5",
    "01", "+1", " 1", "1 ", "1_000", "", "0x10", "١٢", "１", "½", "1\n", "1" * 16,
    "0." + "1" * 40,
)  # fmt: skip


async def refused(
    served: Served, account: str, status: int, code: str, **fields: Any
) -> dict[str, Any]:
    head = served.head
    order = an_order(**{"account_id": account, **fields})
    answer = await served.system.post("/v1/orders", json=order)
    assert served.head == head
    return problem(answer, status, code)


@pytest.mark.parametrize("text", BAD_DECIMALS)
@pytest.mark.parametrize("field", ["quantity", "limit_price"])
async def test_not_a_plain_decimal(served: Served, account_id: str, field: str, text: str) -> None:
    document = await refused(served, account_id, 422, "invalid_decimal", **{field: text})
    assert document["field"] == field


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        ("off_tick", {"limit_price": "99.505"}),
        ("off_lot", {"quantity": "1.0005"}),
        ("not_positive", {"quantity": "0"}),
        ("not_positive", {"quantity": "-1"}),
        ("not_positive", {"limit_price": "0.00"}),
        ("not_positive", {"limit_price": "-99.5"}),
        ("quantity_out_of_bounds", {"quantity": "100000"}),
        ("price_out_of_bounds", {"limit_price": "999999999"}),
        ("unknown_symbol", {"symbol": "NOPEUSDT"}),
        ("invalid_text", {"symbol": "btcusdt"}),
        ("unknown_field", {"leverage": "10"}),
        ("missing_field", {"quantity": None}),
        ("missing_field", {"account_id": None}),
        ("missing_field", {"limit_price": None}),
        ("unexpected_field", {"stop_price": "99"}),
        ("invalid_enum", {"side": "hold"}),
        ("invalid_enum", {"type": "iceberg"}),
        ("invalid_enum", {"time_in_force": "day"}),
        ("invalid_enum", {"side": 1}),
        ("wrong_type", {"quantity": 1}),
        ("wrong_type", {"quantity": 0.5}),
        ("wrong_type", {"quantity": True}),
        ("wrong_type", {"quantity": ["1"]}),
        ("wrong_type", {"quantity": {"value": "1"}}),
        ("wrong_type", {"limit_price": 99.5}),
        ("wrong_type", {"symbol": 7}),
        ("wrong_type", {"reduce_only": "true"}),
        ("wrong_type", {"post_only": 1}),
        ("wrong_type", {"client_order_id": 12}),
        ("wrong_type", {"trailing_steps": "all"}),
        ("invalid_uuid", {"account_id": "42"}),
        ("invalid_uuid", {"account_id": MISSING.replace("-", "")}),
        ("invalid_text", {"client_order_id": "with space"}),
        ("invalid_text", {"client_order_id": "x" * 65}),
        ("invalid_text", {"client_order_id": "nul\x00"}),
        ("invalid_time", {"time_in_force": "gtd", "expire_at": "2026-03-02T12:00:00"}),
        ("invalid_time", {"time_in_force": "gtd", "expire_at": "2026-02-30T12:00:00Z"}),
        ("invalid_time", {"time_in_force": "gtd", "expire_at": "9999-12-31T23:59:59-14:00"}),
        ("invalid_time", {"time_in_force": "gtd", "expire_at": "tomorrow"}),
        ("wrong_type", {"time_in_force": "gtd", "expire_at": 1772452800}),
        ("invalid_expiry", {"time_in_force": "gtd"}),
        ("invalid_time_in_force", {"time_in_force": "ioc", "post_only": True}),
        ("invalid_trailing", {"type": "trailing_stop", "limit_price": None}),
        ("out_of_range", {"trailing_steps": [{"reach": "2", "lift": "1"}] * 21}),
    ],
)  # fmt: skip
async def test_fields(served: Served, account_id: str, code: str, fields: dict[str, Any]) -> None:
    await refused(served, account_id, 422, code, **fields)


async def test_every_wrong_field_is_named(served: Served, account_id: str) -> None:
    document = await refused(
        served, account_id, 422, "wrong_type", quantity=1, limit_price="x", leverage="1"
    )
    assert [(e["field"], e["code"]) for e in document["errors"]] == [
        ("quantity", "wrong_type"),
        ("limit_price", "invalid_decimal"),
        ("leverage", "unknown_field"),
    ]


async def test_unknown_account(served: Served) -> None:
    await refused(served, MISSING, 404, "account_not_found")


async def test_another_clients_account_looks_missing(served: Served, account_id: str) -> None:
    other = await served.world.account("bob")
    head = served.head
    async with served.caller(Role.CLIENT, other) as bob:
        foreign = problem(
            await bob.post("/v1/orders", json=an_order(account_id)), 404, "account_not_found"
        )
        missing = problem(
            await bob.post("/v1/orders", json=an_order(MISSING)), 404, "account_not_found"
        )
    assert served.head == head
    assert foreign["detail"] == missing["detail"]


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_another_clients_order_looks_missing(
    served: Served, account_id: str, method: str
) -> None:
    other = await served.world.account("bob")
    placed = await served.system.post("/v1/orders", json=an_order(account_id))
    head = served.head
    body = {"quantity": "2"} if method == "PATCH" else None
    async with served.caller(Role.CLIENT, other) as bob:
        for order_id in (placed.json()["order_id"], MISSING):
            answer = await bob.request(method, f"/v1/orders/{order_id}", json=body)
            problem(answer, 404, "order_not_found")
    assert served.head == head


MALFORMED = (
    b"", b"{", b"[1,", b"{'a': 1}", b'{"a": NaN}', b'{"a": Infinity}', b'{"a": -Infinity}',
    b'\xff\xfe{"a":1}', b'{"a": "\xff"}', b"\xef\xbb\xbf{}", b"[" * 50_000, b"1" * 5_000,
    b'{"a":1} x',
)  # fmt: skip


@pytest.mark.parametrize("body", MALFORMED, ids=range(len(MALFORMED)))
async def test_malformed_json(served: Served, body: bytes) -> None:
    answer = await served.system.post("/v1/orders", content=body, headers=JSON)
    if body:
        problem(answer, 400, "malformed_json")
    else:
        problem(answer, 422, "missing_field")
    assert served.head == 1


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"1", b"null", b"true", b"[{}]"])
async def test_not_an_object(served: Served, body: bytes) -> None:
    answer = await served.system.post("/v1/orders", content=body, headers=JSON)
    assert answer.status_code == 422
    problem(answer, 422, answer.json()["code"])


async def test_a_key_given_twice(served: Served, account_id: str) -> None:
    body = json.dumps(an_order(account_id))[:-1] + ', "quantity": "2"}'
    answer = await served.system.post("/v1/orders", content=body, headers=JSON)
    problem(answer, 400, "duplicate_key")
    nested = '{"limits": {"max_open_orders": 1, "max_open_orders": 2}, "reason": "x"}'
    answer = await served.system.put("/v1/risk/limits/system", content=nested, headers=JSON)
    problem(answer, 400, "duplicate_key")


async def test_lone_surrogates_do_not_break_the_answer(served: Served, account_id: str) -> None:
    for body in (b'{"\\ud800": 1}', b'{"symbol": "\\udfff"}', b'{"client_order_id": "\\ud800"}'):
        answer = await served.system.post("/v1/orders", content=body, headers=JSON)
        problem(answer, 422, answer.json()["code"])
    answer = await served.system.post(
        "/v1/risk/halt", content=b'{"scope": "system", "reason": "\\ud800"}', headers=JSON
    )
    problem(answer, 422, "invalid_text")


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_other_media_types(served: Served, account_id: str, media_type: str) -> None:
    body = json.dumps(an_order(account_id))
    headers = {"Content-Type": media_type}
    answer = await served.system.post("/v1/orders", content=body, headers=headers)
    problem(answer, 415, "unsupported_media_type")


async def test_a_body_of_ten_megabytes_by_its_declared_length(served: Served) -> None:
    answer = await served.system.post("/v1/orders", content=b" " * 10_000_000, headers=JSON)
    problem(answer, 413, "body_too_large")
    assert served.head == 1


async def test_a_body_of_ten_megabytes_is_not_read_to_its_end(served: Served) -> None:
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        for _ in range(10_000):
            sent += 1_000
            yield b" " * 1_000

    answer = await served.system.post("/v1/orders", content=endless(), headers=JSON)
    problem(answer, 413, "body_too_large")
    assert sent < 100_000
    assert served.head == 1


@pytest.mark.parametrize("key", ["", " ", "with space", "x" * 256, "ü", "tab\there"])
async def test_idempotency_keys(served: Served, account_id: str, key: str) -> None:
    head = served.head
    answer = await served.system.post(
        "/v1/orders", json=an_order(account_id), headers=[(b"Idempotency-Key", key.encode())]
    )
    problem(answer, 422, "invalid_idempotency_key")
    assert served.head == head


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("at_least=-1", "wrong_type"),
        ("at_least=1e3", "wrong_type"),
        ("at_least=99999999999999999999", "wrong_type"),
        ("at_least=9999999999999999999", "out_of_range"),
        ("at_least=٣", "wrong_type"),
        ("as_of=9999-01-01T00:00:00Z", "in_the_future"),
        ("as_of=999999", "beyond_the_head"),
        ("limit=0", "out_of_range"),
        ("limit=501", "out_of_range"),
        ("limit=ten", "wrong_type"),
        ("limit=1&limit=2", "duplicate_parameter"),
        ("cursor=nonsense", "invalid_cursor"),
        ("cursor=e30", "invalid_cursor"),
        ("status=open", "invalid_enum"),
        ("account_id=me", "invalid_uuid"),
        ("page=2", "unknown_field"),
        ("token=abc", "unknown_field"),
    ],
)
async def test_query_parameters(served: Served, query: str, code: str) -> None:
    problem(await served.system.get(f"/v1/orders?{query}"), 422, code)


async def test_ids_in_paths(served: Served) -> None:
    for path in ("/v1/orders/42", "/v1/accounts/x", "/v1/accounts/42/balances"):
        problem(await served.system.get(path), 422, "invalid_uuid")
    problem(await served.system.get("/v1/risk/limits/planet:1"), 422, "invalid_scope")
    problem(await served.system.get("/v1/instruments/NOPE"), 404, "instrument_not_found")


async def test_paths_and_methods(served: Served) -> None:
    problem(await served.system.get("/v1/nowhere"), 404, "route_not_found")
    problem(await served.system.get("/"), 404, "route_not_found")
    problem(await served.system.get("/v1/orders/"), 404, "route_not_found")
    answer = await served.system.put("/v1/orders", json={})
    problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"]


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/v1/accounts", {"client_id": "has space"}, "invalid_text"),
        ("/v1/accounts", {"client_id": "c", "venue": "mars"}, "unknown_venue"),
        ("/v1/accounts", {"client_id": "c", "margin_rate": "0"}, "invalid_margin_rate"),
        ("/v1/accounts", {"client_id": "c", "margin_rate": "1.01"}, "invalid_margin_rate"),
        ("/v1/accounts", {"client_id": "c", "margin_rate": 1}, "wrong_type"),
        ("/v1/accounts", {"client_id": "c", "fees": {"maker": "0"}}, "unknown_field"),
        ("/v1/risk/halt", {"scope": "system"}, "missing_field"),
        ("/v1/risk/halt", {"scope": "system", "reason": ""}, "invalid_text"),
        ("/v1/risk/halt", {"scope": "planet", "reason": "x"}, "invalid_scope"),
        ("/v1/risk/halt", {"scope": "system", "reason": "x", "force": True}, "unknown_field"),
    ],
)
async def test_other_commands(served: Served, path: str, body: dict[str, Any], code: str) -> None:
    problem(await served.system.post(path, json=body), 422, code)
    assert served.head == 1


@pytest.mark.parametrize("amount", ["0", "-5", "1e3", "NaN", 5])
@pytest.mark.parametrize("move", ["deposits", "withdrawals"])
async def test_amounts(served: Served, account_id: str, move: str, amount: Any) -> None:
    head = served.head
    path = f"/v1/accounts/{account_id}/{move}"
    answer = await served.system.post(path, json={"asset": "USDT", "amount": amount})
    expected = {"0": "not_positive", "-5": "not_positive", 5: "wrong_type"}
    problem(answer, 422, expected.get(amount, "invalid_decimal"))
    assert served.head == head


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"max_open_orders": -1}, "out_of_range"),
        ({"max_open_orders": "5"}, "wrong_type"),
        ({"max_open_orders": 1.5}, "wrong_type"),
        ({"max_open_orders": True}, "wrong_type"),
        ({"max_order_value": "-1"}, "negative_limit"),
        ({"max_order_value": 100}, "wrong_type"),
        ({"allowed_symbols": ["NOPE"]}, "unknown_symbol"),
        ({"allowed_symbols": "BTCUSDT"}, "wrong_type"),
        ({"max_orders": 1}, "unknown_field"),
    ],
)
async def test_limits(served: Served, limits: dict[str, Any], code: str) -> None:
    body = {"limits": limits, "reason": "test"}
    problem(await served.system.put("/v1/risk/limits/system", json=body), 422, code)
    assert served.head == 1


async def test_amendments(served: Served, account_id: str) -> None:
    placed = await served.system.post("/v1/orders", json=an_order(account_id))
    path = f"/v1/orders/{placed.json()['order_id']}"
    head = served.head
    for body, code in (
        ({}, "nothing_to_amend"),
        ({"quantity": None}, "nothing_to_amend"),
        ({"quantity": "0"}, "not_positive"),
        ({"limit_price": "99.505"}, "off_tick"),
        ({"side": "sell"}, "unknown_field"),
    ):
        problem(await served.system.patch(path, json=body), 422, code)
    assert served.head == head


JSON = {"Content-Type": "application/json"}
