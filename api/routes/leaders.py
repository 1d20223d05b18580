"""Leaders: which worker epoch sends a venue's orders, and which did before."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from api.auth.policy import WATCH_SYSTEM, allow
from api.dependencies import ApiDependencies
from api.documents.fields import Items
from api.documents.operations import LeaderDocument
from api.fields import Name
from api.reads.freshness import Freshness
from api.reads.ordering import PositionKey
from api.registration import reads
from api.route import caller_of
from api.routes.listing import Listing
from api.routes.problems import PROJECTION
from api.routes.queries import ReadingPages


class LeaderQuery(ReadingPages):
    venue: Name | None = None


class LeaderRoutes:
    def __init__(self, api: ApiDependencies, freshness: Freshness) -> None:
        self._leaders = Listing(api, freshness, PROJECTION, "leaders", PositionKey)

    def add_to(self, router: APIRouter) -> None:
        reads(router, "/v1/leaders", self.list, Items[LeaderDocument])

    @allow(WATCH_SYSTEM)
    async def list(self, request: Request, asked: Annotated[LeaderQuery, Query()]) -> Response:
        """Epochs, newest first: the first of a venue is the one that leads, or led last."""
        return await self._leaders.answer(caller_of(request), asked, (asked.venue,))
