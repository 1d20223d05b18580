"""Idempotency, correlation, and what a caller hears when the log does not answer."""

import asyncio
from typing import Any

import msgspec
import pytest

from api.auth.role import Role
from domain.command import Metadata
from domain.log import LogFailed, LogUnavailable
from tests.api.served import Answer, Served, an_order, problem


async def post(served: Served, path: str, body: dict[str, Any], key: str) -> Answer:
    return await served.system.post(path, json=body, headers={"Idempotency-Key": key})


def metadata(served: Served) -> Metadata:
    return msgspec.json.decode(served.world.store.events[-1].metadata, type=Metadata)


async def test_the_same_key_and_body_is_the_same_order(served: Served, account_id: str) -> None:
    first = await post(served, "/v1/orders", an_order(account_id), "k-1")
    head = served.head
    again = await post(served, "/v1/orders", an_order(account_id), "k-1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert served.head == head
    other = await post(served, "/v1/orders", an_order(account_id, quantity="2"), "k-2")
    assert other.json()["order_id"] != first.json()["order_id"]


async def test_the_same_key_with_another_body(served: Served, account_id: str) -> None:
    other_account = await served.world.account("bob")
    await post(served, "/v1/orders", an_order(account_id), "k-1")
    head = served.head
    for changed in (
        an_order(account_id, quantity="2"),
        an_order(account_id, side="sell"),
        an_order(account_id, limit_price="99.00"),
        an_order(account_id, time_in_force="ioc"),
        an_order(other_account),
    ):
        problem(await post(served, "/v1/orders", changed, "k-1"), 409, "idempotency_key_reused")
    assert served.head == head


async def test_accounts_transfers_and_limits_are_done_once(served: Served, account_id: str) -> None:
    transfers = f"/v1/accounts/{account_id}"
    limits = "/v1/risk/limits/system"
    cases: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
        ("POST", "/v1/accounts", {"client_id": "c"}, {"client_id": "d"}),
        ("POST", f"{transfers}/deposits", _usdt("5"), _usdt("6")),
        ("POST", f"{transfers}/withdrawals", _usdt("5"), _usdt("6")),
        ("PUT", limits, _limits(1), _limits(2)),
    ]
    for method, path, body, other in cases:
        headers = {"Idempotency-Key": "once"}
        first = await served.system.request(method, path, json=body, headers=headers)
        head = served.head
        again = await served.system.request(method, path, json=body, headers=headers)
        assert first.json() == again.json(), path
        changed = await served.system.request(method, path, json=other, headers=headers)
        problem(changed, 409, "idempotency_key_reused")
        assert served.head == head
    account = await served.world.account_state(account_id)
    assert account.balance("USDT") == 10_000


def _usdt(amount: str) -> dict[str, Any]:
    return {"asset": "USDT", "amount": amount}


def _limits(orders: int) -> dict[str, Any]:
    return {"limits": {"max_open_orders": orders}, "reason": "test"}


async def test_keys_belong_to_their_caller(served: Served, account_id: str) -> None:
    first = await post(served, "/v1/orders", an_order(account_id), "k-1")
    async with served.caller(Role.CLIENT, account_id) as client:
        other = await client.post(
            "/v1/orders", json=an_order(account_id), headers={"Idempotency-Key": "k-1"}
        )
    assert other.status_code == 201
    assert other.json()["order_id"] != first.json()["order_id"]


async def test_many_at_once_with_one_key_are_one_order(served: Served, account_id: str) -> None:
    answers = await asyncio.gather(
        *(post(served, "/v1/orders", an_order(account_id), "k-1") for _ in range(20))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["order_id"] for answer in answers}) == 1
    placed = [event for event in served.world.store.events if event.type == "OrderPlaced"]
    assert len(placed) == 1


async def test_a_lost_answer_is_found_by_its_key(served: Served, account_id: str) -> None:
    served.world.here.log.lose_next_answer()
    lost = await post(served, "/v1/orders", an_order(account_id), "k-1")
    document = problem(lost, 503, "log_unavailable")
    assert "Idempotency-Key" in document["detail"]
    assert lost.headers["retry-after"] == "1"
    again = await post(served, "/v1/orders", an_order(account_id), "k-1")
    assert again.status_code == 201
    types = [event.type for event in served.world.store.events]
    assert types.count("FundsReserved") == types.count("OrderPlaced") == 1


@pytest.mark.parametrize(
    ("error", "code"),
    [(LogUnavailable("gone"), "log_unavailable"), (LogFailed("disk full"), "log_failed")],
)
async def test_a_log_that_does_not_take_it(
    served: Served, account_id: str, error: Exception, code: str
) -> None:
    head = served.head
    served.world.here.log.refuse_next(error)  # type: ignore[arg-type]  # both are LogErrors
    answer = await post(served, "/v1/orders", an_order(account_id), "k-1")
    problem(answer, 503, code)
    assert "disk" not in answer.text
    assert served.head == head


async def test_the_correlation_id_goes_from_the_request_into_the_event(
    served: Served, account_id: str
) -> None:
    headers = {"X-Correlation-ID": "client:42.a-b_c"}
    answer = await served.system.post("/v1/orders", json=an_order(account_id), headers=headers)
    assert answer.headers["x-correlation-id"] == "client:42.a-b_c"
    stored = metadata(served)
    assert stored.correlation_id == "client:42.a-b_c"
    assert (stored.actor.id, stored.actor.channel) == ("admin-all", "api")


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "line\\n", "ü", "<script>"])
async def test_a_malformed_correlation_id_is_replaced(served: Served, given: str) -> None:
    headers = [(b"X-Correlation-ID", given.encode())]
    answer = await served.system.get("/v1/nowhere", headers=headers)
    replaced = problem(answer, 404, "route_not_found")["correlation_id"]
    assert replaced
    assert replaced != given


async def test_every_answer_has_a_correlation_id_of_its_own(served: Served) -> None:
    seen = {(await served.system.get("/health/live")).headers["x-correlation-id"] for _ in range(5)}
    assert len(seen) == 5


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", True),
        ("00-00000000000000000000000000000000-b7ad6b7169203331-01", False),
        ("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", False),
        ("nonsense", False),
    ],
)
async def test_the_trace_is_passed_on(
    served: Served, account_id: str, given: str, kept: bool
) -> None:
    headers = {"traceparent": given}
    await served.system.post("/v1/orders", json=an_order(account_id), headers=headers)
    assert metadata(served).traceparent == (given if kept else None)


async def test_a_fault_of_ours_says_nothing_of_itself(
    served: Served, account_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(served.world.here.orders, "place", broken)
    answer = await served.system.post("/v1/orders", json=an_order(account_id))
    problem(answer, 500, "internal_error")
    assert "secret" not in answer.text
    text = (await served.system.get("/metrics")).text
    assert 'method="POST",route="/v1/orders",status="500"} 1.0' in text


async def test_answers_are_not_kept_by_caches(served: Served) -> None:
    answer = await served.system.get("/v1/instruments")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_numbers_are_plain_text(served: Served) -> None:
    instrument = (await served.system.get("/v1/instruments/BTCUSDT")).json()
    assert (instrument["tick_size"], instrument["lot_size"]) == ("0.01", "0.001")
    assert all(
        "E" not in value
        for value in instrument.values()
        if isinstance(value, str) and value[0].isdigit()
    )
