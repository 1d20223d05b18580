"""The application over the domain's small world, and callers of every role."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from api.app import create_app
from api.auth.role import Role
from api.auth.token import mint
from api.dependencies import ApiDependencies
from api.reads.pool import Pool, read_pool
from api.stream.changes import Feed, Gap
from domain.clock import Clock
from domain.log import EventLog
from infra.composition.replay_kept_streams import KeptStreams
from infra.composition.replay_moments import MomentMaker
from infra.composition.replay_past import LoggedPast
from replay.moments.moments import Moments
from replay.snapshots.metrics import SnapshotMetrics
from replay.snapshots.store import SnapshotStore
from tests.domain.world import FEES, World
from tests.doubles.manual_clock import CountingIds

SECRET = b"s" * 32
NO_SNAPSHOTS = SnapshotStore(Path("/dev/null/none"), SnapshotMetrics(CollectorRegistry()))
NOWHERE = "postgresql://nobody@127.0.0.1:1/none"

Answer = httpx.Response


class Served:
    """``system`` is an admin's client; ``client_of`` one that is bound to accounts."""

    def __init__(self, world: World, app: FastAPI, clock: Clock) -> None:
        self.world = world
        self.app = app
        self.clock = clock
        self.system = self.caller(Role.ADMIN)

    def token(self, role: Role, *accounts: str, valid_for: timedelta = timedelta(days=1)) -> str:
        return mint(
            SECRET,
            token_id=CountingIds().new(),
            subject=f"{role}-{'-'.join(accounts) or 'all'}",
            role=role,
            now=self.clock.now(),
            valid_for=valid_for,
            accounts=accounts or None,
        )

    def caller(self, role: Role, *accounts: str) -> httpx.AsyncClient:
        return self.bearer(self.token(role, *accounts))

    def bearer(self, token: str | None) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=self.app)
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers)

    @property
    def head(self) -> int:
        return len(self.world.store.events)


def dependencies(
    world: World,
    pool: Pool,
    *,
    log: EventLog | None = None,
    clock: Clock | None = None,
    changes: Callable[[], Feed] | None = None,
    moments: Moments | None = None,
    streams: SnapshotStore = NO_SNAPSHOTS,
    **settings: Any,
) -> ApiDependencies:
    """``moments`` are what lists of the past are read from; ``streams`` keeps rows of streams."""
    here, now = world.here, clock or world.clock
    used = log or here.log
    moments = moments or Moments(MomentMaker(NOWHERE, used, now, NO_SNAPSHOTS).make)
    # No worker confirms halts here, unless a test does: nobody shall wait for it.
    settings = {"halt_wait_seconds": 0.01, **settings}
    return ApiDependencies(
        accounts=here.accounts,
        orders=here.orders,
        risk=here.risk,
        risk_book=here.risk_book,
        log=used,
        instruments=world.instruments,
        fees=FEES,
        venues=frozenset({"paper"}),
        clock=now,
        ids=CountingIds(),
        pool=pool,
        past=LoggedPast(used, now, moments, KeptStreams(streams, used, now)),
        changes=changes or no_changes,
        token_secret=SECRET,
        registry=CollectorRegistry(),
        **settings,
    )


async def no_changes() -> Feed:
    yield Gap()


@asynccontextmanager
async def offline(world: World | None = None, **settings: Any) -> AsyncIterator[Served]:
    """Commands only: no database is there, and none may be needed."""
    world = world or World()
    app = create_app(dependencies(world, read_pool(NOWHERE), **settings))
    served = Served(world, app, world.clock)
    async with served.system:
        yield served


def an_order(account_id: str, **fields: Any) -> dict[str, Any]:
    """A limit order that every control passes; None leaves a field out."""
    order: Mapping[str, Any] = {
        "account_id": account_id,
        "symbol": "BTCUSDT",
        "side": "buy",
        "type": "limit",
        "quantity": "1",
        "limit_price": "99.50",
        **fields,
    }
    return {name: value for name, value in order.items() if value is not None}


def problem(answer: Answer, status: int, code: str) -> dict[str, Any]:
    """The problem document, once it is what it must be."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    document: dict[str, Any] = answer.json()
    assert (answer.status_code, document["code"]) == (status, code), document
    assert document["status"] == status
    assert document["type"] == f"urn:patriot:problem:{code}"
    assert document["correlation_id"] == answer.headers["x-correlation-id"]
    assert document["title"]
    assert document["detail"]
    return document
