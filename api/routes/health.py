"""Health: alive means that the process answers, ready that what it needs answers too."""

import asyncio
from collections.abc import Awaitable

import structlog
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from api.auth.policy import ANYBODY, PUBLIC, allow
from api.correlation import correlation_id_of
from api.dependencies import ApiDependencies
from api.problem import problem_response
from api.reads.freshness import Freshness
from api.reads.pool import UNREACHABLE
from api.reads.rows import item
from api.stream.hub import Hub
from domain.log import LogError

PATIENCE_SECONDS = 2.0

_log = structlog.get_logger(__name__)


class HealthRoutes:
    def __init__(self, api: ApiDependencies, freshness: Freshness, hub: Hub) -> None:
        self._api = api
        self._freshness = freshness
        self._hub = hub

    def add_to(self, router: APIRouter) -> None:
        router.add_api_route("/health/live", self.live, methods=["GET"])
        router.add_api_route("/health/ready", self.ready, methods=["GET"])

    @allow(PUBLIC)
    async def live(self, request: Request) -> Response:
        return item({"status": "live"})

    @allow(ANYBODY)
    async def ready(self, request: Request) -> Response:
        """503 names the parts that do not answer. Without the change feed, reads still serve."""
        checks = {
            "log": await _answers(self._api.log.head()),
            "database": await _answers(self._api.pool.fetchval("select 1")),
            "limits": self._api.risk_book.is_current,
        }
        watched = {"checkpoints": self._freshness.is_listening, "changes": self._hub.is_following}
        failed = [name for name, passed in checks.items() if not passed]
        halted = self._api.log_halted()
        if failed or halted:
            detail = halted or f"not answering: {', '.join(failed)}"
            return problem_response("not_ready", detail, correlation_id_of(request.scope))
        return item({"status": "ready", "checks": checks | watched})


async def _answers(question: Awaitable[object]) -> bool:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await question
    except LogError as error:
        _log.warning("not_ready", error=repr(error))
        return False
    except UNREACHABLE as error:
        _log.warning("not_ready", error=repr(error))
        return False
    return True
