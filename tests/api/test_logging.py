"""One line a request, with its correlation id; never a secret, never what somebody sent."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from api.auth.role import Role
from infra.telemetry import configure_logging
from tests.api.served import Served, an_order

Line = dict[str, Any]
CANARY = "canary-5d1f"


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What goes to standard error, in the form of production."""
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    monkeypatch.setattr("sys.stderr", stream)
    configure_logging("INFO", as_json=True)
    yield stream
    structlog.reset_defaults()
    root.handlers, root.level = handlers, level


def lines(stream: io.StringIO) -> list[Line]:
    """Ours; the test's own client logs too."""
    every = [json.loads(line) for line in stream.getvalue().splitlines()]
    return [line for line in every if line["logger"].startswith("api.")]


async def test_a_request_is_one_line(served: Served, logged: io.StringIO) -> None:
    account_id = await served.world.account()
    headers = {"X-Correlation-ID": "trace-me"}
    answer = await served.system.post("/v1/orders", json=an_order(account_id), headers=headers)
    (line,) = lines(logged)
    assert answer.status_code == 201
    assert line["event"] == "request"
    assert line["correlation_id"] == "trace-me"
    assert (line["method"], line["route"], line["status"]) == ("POST", "/v1/orders", 201)
    assert line["ms"] >= 0


async def test_a_fault_is_logged_with_its_correlation_id_and_trace(
    served: Served, logged: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("what went wrong")

    monkeypatch.setattr(served.world.here.orders, "place", broken)
    account_id = await served.world.account()
    answer = await served.system.post("/v1/orders", json=an_order(account_id))
    fault, request = lines(logged)
    assert fault["correlation_id"] == request["correlation_id"] == answer.json()["correlation_id"]
    assert "what went wrong" in fault["exception"]
    assert request["status"] == 500


async def test_nothing_that_was_sent_is_logged(served: Served, logged: io.StringIO) -> None:
    account_id = await served.world.account()
    token = served.token(Role.ADMIN)
    async with served.bearer(token) as caller:
        await caller.get(f"/v1/{CANARY}")
        await caller.get("/v1/orders", params={CANARY: CANARY})
        await caller.get(f"/v1/orders/{CANARY}")
        await caller.post("/v1/orders", json=an_order(account_id, quantity=CANARY))
        await caller.post("/v1/orders", json=an_order(account_id, client_order_id=CANARY))
        await caller.post("/v1/orders", content=CANARY)
        await caller.get("/v1/orders", headers={"X-Correlation-ID": f"<{CANARY}>"})
    async with served.bearer(CANARY) as stranger:
        await stranger.get("/v1/orders")
    ours = lines(logged)
    text = json.dumps(ours)
    assert len(ours) >= 8
    assert CANARY not in text
    assert token not in text
    assert token.rpartition(".")[2] not in text
