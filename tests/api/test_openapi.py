"""The API is what its OpenAPI document says: generated requests against every operation."""

from typing import Any, TypeAlias, cast

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, Response
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.app import create_app
from api.auth.policy import ANYBODY
from api.reads.pool import Pool
from tests.api.found import a_leader, something_external, something_impossible
from tests.api.online import Live
from tests.api.served import an_order, dependencies
from tests.domain.world import World, a_fill

EXAMPLES = 20


def an_app() -> FastAPI:
    """To be looked at, never asked."""
    return create_app(dependencies(World(), cast(Pool, None)))


Operation: TypeAlias = APIOperation[Any, Any, Any, Any]


def operations() -> list[Operation]:
    schema = schemathesis.openapi.from_dict(an_app().openapi())
    results = list(schema.get_all_operations())
    assert all(isinstance(result, Ok) for result in results)
    return [result.ok() for result in results if isinstance(result, Ok)]


async def seeded(live: Live) -> dict[str, str]:
    """Something in every read model."""
    account_id = await live.world.account()
    placed = await live.system.post("/v1/orders", json=an_order(account_id, client_order_id="c"))
    order_id = placed.json()["order_id"]
    order = await live.world.order(order_id)
    await live.world.here.booking.book(a_fill(order, "t1", "0.5", "99.5"))
    await live.world.settle()
    await something_external(live.world, account_id)
    await something_impossible(live.world)
    await a_leader(live.world)
    for path in ("orders", "accounts", "problems"):
        await live.system.get(f"/v1/{path}", params={"at_least": live.head})
    return {"account_id": account_id, "order_id": order_id, "symbol": "BTCUSDT", "scope": "system"}


@pytest.mark.parametrize("operation", operations(), ids=lambda operation: operation.label)
async def test_generated_requests(live: Live, operation: Operation) -> None:
    own = await seeded(live)

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def collect(data: st.DataObject) -> None:
        case = data.draw(operation.as_strategy())
        cases.append(case)

    cases: list[Any] = []
    collect()
    for number, case in enumerate(cases):
        if number % 2:
            # Half of the requests are about what is there.
            case.path_parameters = {name: own.get(name, "x") for name in case.path_parameters or {}}
        request = case.as_transport_kwargs(base_url="http://api")
        request.pop("cookies", None)
        answer = await live.system.request(**request)
        assert answer.status_code < 500, (request, answer.text)
        case.validate_response(
            Response.from_httpx(answer, verify=False),
            checks=[
                status_code_conformance,
                content_type_conformance,
                response_schema_conformance,
            ],
        )


async def test_what_is_there_is_answered_as_documented(live: Live) -> None:
    """Success, not only refusals: each read of a seeded system against its schema."""
    own = await seeded(live)
    seen = 0
    for operation in operations():
        if operation.method != "get" or operation.path in ("/metrics", "/health/live"):
            continue
        path = operation.path.format(**own)
        query = "?symbol=BTCUSDT" if path.endswith("/candles") else ""
        answer = await live.system.get(path + query)
        assert answer.status_code == 200, (path, answer.text)
        operation.validate_response(Response.from_httpx(answer, verify=False))
        seen += 1
    assert seen == 17


def test_every_operation_is_described() -> None:
    document = an_app().openapi()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["security"] in ([{"bearer": []}], []), (path, method)
            assert "5XX" in operation["responses"]
            if operation["security"]:
                assert operation["x-roles"]
    roles = document["paths"]["/v1/instruments"]["get"]["x-roles"]
    assert roles == sorted(ANYBODY.roles or ())
