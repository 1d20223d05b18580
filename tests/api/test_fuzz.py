"""Whatever comes in: never a fault of ours, always a document with a known code."""

import json
from typing import Any
from urllib.parse import quote

import httpx
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from api.errors import ERROR_CODES
from tests.api.served import Served, an_order, offline

AS_JSON = {"Content-Type": "application/json"}

GENERATED = settings(
    max_examples=60,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)

WORDS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=30),
    st.sampled_from(["1", "0.5", "-1", "1e9", "NaN", "buy", "limit", "gtd", "oco", "BTCUSDT"]),
    st.sampled_from(["2026-03-02T13:00:00Z", "00000000-0000-4000-8000-000000000000"]),
)
JSON = st.recursive(
    WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    [
        "account_id", "symbol", "side", "type", "quantity", "limit_price", "stop_price",
        "trailing_offset", "trailing_steps", "entry_price", "time_in_force", "expire_at",
        "reduce_only", "post_only", "client_order_id", "other",
    ]
)  # fmt: skip
PATHS = st.sampled_from(
    [
        "/v1/orders", "/v1/accounts", "/v1/risk/halt", "/v1/risk/resume", "/v1/risk/reduce",
        "/v1/accounts/00000000-0000-4000-8000-000000000000/deposits",
        "/v1/accounts/00000000-0000-4000-8000-000000000000/acknowledgements",
    ]
)  # fmt: skip


def explain(answer: httpx.Response) -> None:
    """An answer that is an error says so in our own words."""
    assert answer.status_code != 500, answer.text
    assert answer.headers["x-correlation-id"]
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        document = answer.json()
        assert ERROR_CODES[document["code"]].status == answer.status_code == document["status"]


async def an_account(served: Served) -> str:
    await served.world.set_limits()
    return await served.world.account()


@GENERATED
@given(st.dictionaries(FIELDS, JSON, max_size=6))
async def test_orders_of_any_shape(changes: dict[str, Any]) -> None:
    async with offline() as served:
        order = {**an_order(await an_account(served)), **changes}
        head = served.head
        # NaN and Infinity go out as Python writes them: what is not JSON is refused, too.
        answer = await served.system.post("/v1/orders", content=json.dumps(order), headers=AS_JSON)
        explain(answer)
        if "log-position" not in answer.headers:
            assert served.head == head


@GENERATED
@given(
    PATHS, st.binary(max_size=200) | JSON.map(lambda value: repr(value).encode("utf-8", "replace"))
)
async def test_bodies_of_any_bytes(path: str, body: bytes) -> None:
    async with offline() as served:
        answer = await served.system.post(
            path, content=body, headers={"Content-Type": "application/json"}
        )
        explain(answer)
        assert served.head == 0


@GENERATED
@given(PATHS, JSON)
async def test_documents_of_any_shape(path: str, body: Any) -> None:
    async with offline() as served:
        explain(await served.system.post(path, json=body))


@GENERATED
@given(
    st.dictionaries(
        st.sampled_from(["cursor", "limit", "at_least", "as_of", "symbol", "status", "order_id"]),
        st.text(max_size=40),
        max_size=4,
    )
)
async def test_queries_of_any_text(query: dict[str, str]) -> None:
    async with offline() as served:
        for path in ("orders", "executions", "market/candles", "events", "problems", "leaders"):
            explain(await served.system.get(f"/v1/{path}", params=query))


@GENERATED
@given(st.text(max_size=60))
async def test_paths_of_any_text(text: str) -> None:
    async with offline() as served:
        for prefix in ("/", "/v1/orders/", "/v1/accounts/", "/v1/risk/limits/"):
            explain(await served.system.get(prefix + quote(text, safe="")))
