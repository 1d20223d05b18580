"""The application: routes over what it is given, and the tasks that keep its reads current."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute, Route, WebSocketRoute

from api.auth.authentication import Authentication
from api.auth.policy import UndeclaredPolicy, policy_of
from api.dependencies import ApiDependencies
from api.documents.problem import problem_responses
from api.metrics import ApiMetrics
from api.observed import Observed
from api.openapi import described
from api.problem_handlers import install
from api.reads.database import Database
from api.reads.freshness import Freshness
from api.reads.order_reader import OrderReader
from api.route import PolicyRoute
from api.routes.accounts import AccountRoutes
from api.routes.events import EventRoutes
from api.routes.executions import ExecutionRoutes
from api.routes.health import HealthRoutes
from api.routes.instruments import InstrumentRoutes
from api.routes.leaders import LeaderRoutes
from api.routes.market import MarketRoutes
from api.routes.metrics import MetricsRoutes
from api.routes.orders import OrderRoutes
from api.routes.problems import ProblemRoutes
from api.routes.projections import ProjectionRoutes
from api.routes.risk import RiskRoutes
from api.routes.stream import StreamRoutes
from api.stream.hub import Hub

LOADERS = 2
"""Queries for orders under way at once: one is answered while the next is asked."""

DOCS_PATHS = frozenset({"/docs", "/openapi.json"})

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


class Routes(Protocol):
    def add_to(self, router: APIRouter) -> None: ...


def create_app(api: ApiDependencies) -> FastAPI:
    """The ASGI application. Its lifespan must run: without it, reads wait for ever.

    Raises UndeclaredPolicy if a route does not say whom it is for.
    """
    metrics = ApiMetrics(api.registry)
    freshness = Freshness(api.pool, api.clock, api.read_wait_seconds)
    reader = OrderReader(Database(api.pool))
    hub = Hub(api.changes, metrics)
    authentication = Authentication(api.token_secret, api.clock)
    app = _bare_app(api, _lifespan(freshness, reader, hub))
    app.state.authentication = authentication
    app.state.max_body_bytes = api.max_body_bytes
    app.state.hub = hub
    app.state.registry = api.registry
    noun_routes: tuple[Routes, ...] = (
        OrderRoutes(api, freshness, reader),  # first: routes are tried in order
        AccountRoutes(api, freshness),
        ExecutionRoutes(api, freshness),
        RiskRoutes(api, freshness),
        ProblemRoutes(api, freshness),
        LeaderRoutes(api, freshness),
        EventRoutes(api),
        ProjectionRoutes(api),
        MarketRoutes(api),
        InstrumentRoutes(api),
        HealthRoutes(api, freshness, hub),
        MetricsRoutes(api.registry),
        StreamRoutes(api, authentication, freshness, hub, metrics),
    )
    for routes in noun_routes:
        routes.add_to(app.router)
    install(app)
    app.add_middleware(Observed, api.clock, api.ids, metrics)
    require_policies(app)
    return app


def require_policies(app: FastAPI) -> None:
    """Raises UndeclaredPolicy if any route could be reached without one."""
    for route in app.routes:
        if not _has_policy(route):
            raise UndeclaredPolicy(f"{route!r} has no policy")


def _has_policy(route: BaseRoute) -> bool:
    if isinstance(route, WebSocketRoute):
        policy_of(route.endpoint)
        return True
    if isinstance(route, PolicyRoute):
        return True
    return isinstance(route, Route) and route.path in DOCS_PATHS


def _bare_app(api: ApiDependencies, lifespan: Lifespan) -> FastAPI:
    app = FastAPI(
        title="Patriot",
        version=api.version,
        description="A trading core whose one truth is an append-only log of events.",
        docs_url="/docs" if api.docs_enabled else None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        openapi_url="/openapi.json" if api.docs_enabled else None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.router.route_class = PolicyRoute
    app.router.responses = problem_responses()
    app.openapi = lambda: described(app)  # type: ignore[method-assign]  # FastAPI's way to do it
    return app


def _lifespan(freshness: Freshness, reader: OrderReader, hub: Hub) -> Lifespan:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        async with asyncio.TaskGroup() as tasks:
            running = [
                tasks.create_task(freshness.run()),
                tasks.create_task(hub.run()),
                *reader.loader.start(tasks, LOADERS),
            ]
            try:
                yield
            finally:
                for task in running:
                    task.cancel()

    return lifespan
