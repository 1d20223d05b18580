"""Reading as of the past: what comes is what came then, from the read models of then."""

import random
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry

from api.app import create_app
from api.auth.role import Role
from api.reads.pool import read_pool
from domain.event import Event, format_time
from domain.log import EventFilter, EventLog
from infra.clock import SystemClock
from infra.composition.replay_moments import moments
from infra.composition.replay_snapshot_taker import SnapshotTaker
from infra.composition.replay_snapshots import SNAPSHOTTED
from infra.log.postgres.log import PostgresEventLog
from replay.snapshots.metrics import SnapshotMetrics
from replay.snapshots.policy import Policy
from replay.snapshots.store import SnapshotStore
from tests.api.served import NO_SNAPSHOTS, Served, dependencies, problem
from tests.domain.world import World
from tests.projections.desk import Desk, open_desk
from tests.projections.history import History, append_all

STEPS = 160
MOST_STEPS = 2_000
"""Of a story that has not everything in it that a test needs."""

TURNS = {"FillBusted", "TradingHaltRequested", "TradingHalted", "TradingResumed", "RiskLimitsSet"}
"""Events before which the answers are always taken."""

FILLS = EventFilter(types=frozenset({"OrderFilled"}))

Answers = dict[str, tuple[int, Any]]


class Observed:
    """A running projector, an API on its read models, and what happens."""

    def __init__(self, desk: Desk, served: Served, log: EventLog, history: History) -> None:
        self.desk = desk
        self.served = served
        self.log = log
        self.history = history

    async def happen(self, steps: int) -> None:
        for _ in range(steps):
            await append_all(self.log, self.history.step())

    async def trade(self, steps: int) -> None:
        """So many steps, and more until each of the first two accounts has traded."""
        await self.happen(steps)
        for _ in range(MOST_STEPS):
            if {account.id for account in self.history.accounts[:2]} <= await self._traders():
                return
            await self.happen(1)
        raise AssertionError("somebody never trades in this story")

    async def _traders(self) -> set[str]:
        """Those of whom the log has a fill."""
        filled = {
            event.stream.removeprefix("order-")
            async for page in self.log.read_all(only=FILLS)
            for event in page
        }
        return {order.account_id for order in self.history.orders if order.id in filled}

    async def answers(self, paths: Iterable[str]) -> Answers:
        """As of now."""
        await self.desk.caught_up()
        return {path: _answer(await self.get(path)) for path in paths}

    async def get(self, path: str, **query: object) -> httpx.Response:
        url = httpx.URL(path)
        return await self.served.system.get(url.copy_merge_params(_text(query)))

    async def keep(self, store: SnapshotStore) -> None:
        """Snapshots, where so much has happened since the last ones."""
        taker = SnapshotTaker(
            pool=self.desk.pool,
            log=self.log,
            clock=self.desk.clock,
            store=store,
            policy=Policy(events=8, time=timedelta(days=1), megabytes=1),
            metrics=SnapshotMetrics(CollectorRegistry()),
        )
        for projection in SNAPSHOTTED:
            await taker.take(projection)

    def paths(self, events: Sequence[tuple[str, Event]]) -> set[str]:
        """Of accounts, scopes, lists, and some orders: those that something happens to."""
        ids = {order.id for order in self.history.orders[-4:]}
        ids |= {stream.removeprefix("order-") for stream, _ in events if "order-" in stream}
        return {*self._of_accounts(), *_of_orders(sorted(ids)), *self._of_scopes(), *self.lists()}

    def lists(self) -> set[str]:
        account = self.history.accounts[0]
        return {
            "/v1/accounts?limit=500",
            f"/v1/accounts?client_id={account.client_id}",
            "/v1/accounts?trading_state=reducing",
            "/v1/orders?limit=500",
            f"/v1/orders?account_id={account.id}&limit=3",
            "/v1/orders?symbol=ETHUSDT&status=filled",
            "/v1/executions?limit=500",
            f"/v1/executions?account_id={account.id}&symbol=BTCUSDT",
            "/v1/problems?limit=500",
            "/v1/leaders",
        }

    def _of_accounts(self) -> set[str]:
        paths = {f"/v1/accounts/{account.id}" for account in self.history.accounts}
        return {f"{path}{more}" for path in paths for more in ("", "/balances", "/positions")}

    def _of_scopes(self) -> set[str]:
        return {f"/v1/risk/limits/{scope}" for scope in (*self.history.risks, "strategy:none")}


def _of_orders(ids: Sequence[str]) -> set[str]:
    return {f"/v1/orders/{order_id}{more}" for order_id in ids for more in ("", "/timeline")}


def _answer(answer: httpx.Response) -> tuple[int, Any]:
    """Without what belongs to the request; the cursors of the past are others than those of now."""
    document = answer.json()
    document.pop("correlation_id", None)
    if document.get("next_cursor"):
        document["next_cursor"] = document["next_cursor"].partition(".")[0]
    return answer.status_code, document


def _text(query: dict[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in query.items()}


@asynccontextmanager
async def observed(
    dsn: str, seed: int, store: SnapshotStore = NO_SNAPSHOTS
) -> AsyncIterator[Observed]:
    """On PostgreSQL throughout: the log, the read models and the API's reads."""
    async with (
        PostgresEventLog.open(dsn) as log,
        open_desk(dsn) as desk,
        read_pool(dsn, 4) as pool,
        moments(dsn, log, SystemClock(), store) as kept,
    ):
        desk.log = log  # type: ignore[assignment]  # an EventLog is all that is used of it here
        world, clock = World(), SystemClock()
        app = create_app(dependencies(world, pool, log=log, clock=clock, moments=kept))
        served = Served(world, app, clock)
        async with desk.running(), served.system, app.router.lifespan_context(app):
            yield Observed(desk, served, log, History(seed))


@pytest.fixture
async def core(postgres_dsn: str) -> AsyncIterator[Observed]:
    async with observed(postgres_dsn, 61) as opened:
        await opened.happen(1)
        yield opened


@pytest.mark.parametrize("seed", [69, 71])
async def test_the_past_answers_as_it_did(postgres_dsn: str, tmp_path: Path, seed: int) -> None:
    """Before and after corrections, halts and changes of limits, and at moments in between;
    snapshots of the read models being taken now and then."""
    some = random.Random(seed)
    taken: dict[int, Answers] = {}
    seen: set[str] = set()
    store = SnapshotStore(tmp_path, SnapshotMetrics(CollectorRegistry()))
    async with observed(postgres_dsn, seed, store) as core:
        await core.happen(1)
        for number in range(MOST_STEPS):
            if number >= STEPS and seen >= TURNS:
                break
            step = core.history.step()
            types = {type(event).__name__ for _, event in step}
            if types & TURNS - seen or some.random() < 0.08:
                taken[await core.log.head()] = await core.answers(core.paths(step))
                await core.keep(store)
            seen |= types
            await append_all(core.log, step)
        await core.desk.caught_up()
        for position, answers in taken.items():
            await _compare(core, position, answers)
    assert seen >= TURNS
    assert len(taken) > 10
    assert _kept_orders(tmp_path) > 3


def _kept_orders(directory: Path) -> int:
    return len(list(directory.glob("orders.v2.*/*.snapshot")))


async def _compare(core: Observed, position: int, answers: Answers) -> None:
    for path, then in answers.items():
        answer = await core.get(path, as_of=position)
        assert _answer(answer) == then, (path, position)
        if answer.status_code == 200:
            assert answer.headers["Log-Position"] == str(position)


async def test_an_instant_is_what_was_recorded_by_then(core: Observed) -> None:
    await core.happen(40)
    middle = [event async for page in core.log.read_all() for event in page][30]
    for path in core.paths(()):
        by_instant = await core.get(path, as_of=format_time(middle.recorded_at))
        by_position = await core.get(path, as_of=middle.position)
        assert _answer(by_instant) == _answer(by_position)
        if by_instant.status_code == 200:
            assert by_instant.headers["Log-Position"] == str(middle.position)


async def test_a_timeline_in_pages_ends_at_the_cut(core: Observed) -> None:
    await core.happen(120)
    order = max(core.history.orders, key=lambda order: order.version)
    path = f"/v1/orders/{order.id}/timeline"
    whole = (await core.get(path, as_of=await core.log.head())).json()["items"]
    assert len(whole) == order.version > 3
    cut = whole[-2]["position"]
    versions: list[int] = []
    query: dict[str, object] = {"as_of": cut, "limit": 2}
    while True:
        page = (await core.get(path, **query)).json()
        versions += [row["version"] for row in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert versions == list(range(1, order.version))


async def test_the_past_has_the_same_owners(core: Observed) -> None:
    await core.trade(60)
    head = str(await core.log.head())
    mine, other = core.history.accounts[:2]
    client = core.served.caller(Role.CLIENT, mine.id)
    async with client:
        for account, status in ((mine, 200), (other, 404)):
            order = next(o for o in core.history.orders if o.account_id == account.id and o.version)
            for path in (
                *(f"/v1/accounts/{account.id}{more}" for more in ("", "/balances", "/positions")),
                *(f"/v1/orders/{order.id}{more}" for more in ("", "/timeline")),
                f"/v1/risk/limits/account:{account.id}",
            ):
                answer = await client.get(path, params={"as_of": head})
                assert answer.status_code == status, (path, answer.text)
        problem(await client.get("/v1/risk/limits/system?as_of=1"), 404, "scope_not_found")
    async with core.served.bearer(None) as nobody:
        problem(await nobody.get(f"/v1/accounts/{mine.id}?as_of={head}"), 401, "unauthenticated")


NO_MOMENTS = {
    "yesterday": "invalid_instant",
    "": "invalid_text",
    "1" * 65: "invalid_text",
    "-1": "invalid_instant",
    "٣": "invalid_text",
    "2026-01-01": "invalid_instant",
    "2026-02-30T00:00:00Z": "invalid_instant",
    "2026-01-01T00:00:00": "no_time_zone",
    "9999-01-01T00:00:00Z": "in_the_future",
    "1999-01-01T00:00:00Z": "before_the_first_event",
    "0": "before_the_first_event",
    "1000000": "beyond_the_head",
    "9" * 64: "beyond_the_head",
}


async def test_what_is_no_moment_of_the_past(core: Observed) -> None:
    for path in core.paths(()):
        for as_of, code in NO_MOMENTS.items():
            refused = problem(await core.get(path, as_of=as_of), 422, code)
            assert refused["field"] == "as_of"


async def test_cursors_that_were_never_handed_out(core: Observed) -> None:
    path = f"/v1/orders/{core.history.accounts[0].id}/timeline"
    for cursor in ("nonsense", "eyJ2ZXJzaW9uIjotMX0", "eyJ2ZXJzaW9uIjo5OTk5OTk5OTk5OTl9"):
        problem(await core.get(path, as_of=1, cursor=cursor), 422, "invalid_cursor")


async def test_a_list_in_pages_is_of_one_moment(core: Observed) -> None:
    await core.happen(80)
    cut = await core.log.head()
    for path in ("/v1/orders", "/v1/executions"):
        whole = (await core.get(path, as_of=cut, limit=500)).json()["items"]
        assert len(whole) > 3
        seen: list[Any] = []
        query: dict[str, object] = {"as_of": cut, "limit": 3}
        while query.get("cursor", "") is not None:
            page = (await core.get(path, **query)).json()
            seen += page["items"]
            query["cursor"] = page["next_cursor"]
            await core.happen(1)
        assert seen == whole


async def test_a_cursor_is_of_its_moment(core: Observed) -> None:
    await core.happen(40)
    cut = await core.log.head()
    await core.happen(10)
    head = await core.log.head()
    await core.desk.caught_up("orders")
    now = (await core.get("/v1/orders", limit=1)).json()["next_cursor"]
    then = (await core.get("/v1/orders", limit=1, as_of=cut)).json()["next_cursor"]
    for cursor, moment in ((then, {}), (then, {"as_of": head}), (now, {"as_of": cut})):
        refused = await core.get("/v1/orders", cursor=cursor, **moment)
        problem(refused, 422, "invalid_cursor")
    assert (await core.get("/v1/orders", cursor=then, as_of=cut)).status_code == 200


async def test_lists_of_the_past_keep_to_the_callers_accounts(core: Observed) -> None:
    await core.trade(80)
    cut = await core.log.head()
    mine, other = core.history.accounts[:2]
    async with core.served.caller(Role.CLIENT, mine.id) as client:
        for path in ("accounts", "orders", "executions"):
            everybody = (await core.get(f"/v1/{path}", as_of=cut, limit=500)).json()["items"]
            answer = await client.get(f"/v1/{path}?as_of={cut}&limit=500")
            rows = answer.json()["items"]
            assert rows == [row for row in everybody if row["account_id"] == mine.id] != []
            assert answer.headers["Log-Position"] == str(cut)
        for path in ("orders", "executions"):
            answer = await client.get(f"/v1/{path}?as_of={cut}&account_id={other.id}")
            problem(answer, 404, "account_not_found")
            # As of the first event, the first account was opened and no other.
            answer = await core.get(f"/v1/{path}?as_of=1&account_id={other.id}")
            problem(answer, 404, "account_not_found")
