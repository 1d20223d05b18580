"""Problems: what the venue said that cannot be, and what reconciliation found."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from api.auth.policy import OVERSEE, allow
from api.dependencies import ApiDependencies
from api.documents.fields import Items
from api.documents.operations import OperationalProblem, ProblemKind
from api.fields import Instant, UuidText
from api.reads.freshness import Freshness
from api.reads.ordering import PositionKey
from api.registration import reads
from api.route import caller_of
from api.routes.listing import Listing
from api.routes.queries import ReadingPages

PROJECTION = "operations"


class ProblemQuery(ReadingPages):
    """``since`` is the earliest instant."""

    account_id: UuidText | None = None
    kind: ProblemKind | None = None
    since: Instant | None = None


class ProblemRoutes:
    def __init__(self, api: ApiDependencies, freshness: Freshness) -> None:
        self._problems = Listing(api, freshness, PROJECTION, "problems", PositionKey)

    def add_to(self, router: APIRouter) -> None:
        reads(router, "/v1/problems", self.list, Items[OperationalProblem])

    @allow(OVERSEE)
    async def list(self, request: Request, asked: Annotated[ProblemQuery, Query()]) -> Response:
        """Problems in reach, newest first. A token bound to accounts sees theirs, not a venue's."""
        caller = caller_of(request)
        filters = (caller.within(asked.account_id), asked.kind, asked.since)
        return await self._problems.answer(caller, asked, filters, asked.account_id)
