"""Metrics in Prometheus' text format. A scraper sends a bearer token like everybody."""

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.requests import Request
from starlette.responses import Response

from api.auth.policy import WATCH_SYSTEM, allow


class MetricsRoutes:
    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def add_to(self, router: APIRouter) -> None:
        router.add_api_route("/metrics", self.show, methods=["GET"])

    @allow(WATCH_SYSTEM)
    async def show(self, request: Request) -> Response:
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)
