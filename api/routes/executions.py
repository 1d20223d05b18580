"""Executions: what was traded, and what was taken back."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from api.auth.policy import READ_MONEY, allow
from api.dependencies import ApiDependencies
from api.documents.fields import Items
from api.documents.order import ExecutionDocument
from api.fields import Symbol, UuidText
from api.reads.freshness import Freshness
from api.reads.ordering import ExecutionKey
from api.registration import reads
from api.route import caller_of
from api.routes.listing import Listing
from api.routes.queries import ReadingPages

PROJECTION = "orders"


class ExecutionQuery(ReadingPages):
    account_id: UuidText | None = None
    order_id: UuidText | None = None
    symbol: Symbol | None = None


class ExecutionRoutes:
    def __init__(self, api: ApiDependencies, freshness: Freshness) -> None:
        self._executions = Listing(api, freshness, PROJECTION, "executions", ExecutionKey)

    def add_to(self, router: APIRouter) -> None:
        reads(router, "/v1/executions", self.list, Items[ExecutionDocument])

    @allow(READ_MONEY)
    async def list(self, request: Request, asked: Annotated[ExecutionQuery, Query()]) -> Response:
        """Executions in reach, newest first; a busted one stays, marked."""
        caller = caller_of(request)
        filters = (caller.within(asked.account_id), asked.order_id, asked.symbol)
        return await self._executions.answer(caller, asked, filters, asked.account_id)
