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
from api.reads.account_reader import AccountReader
from api.reads.database import Database
from api.reads.freshness import Freshness
from api.reads.ordering import ExecutionKey
from api.reads.page import Pages
from api.registration import reads
from api.route import caller_of
from api.routes.queries import Listing

PROJECTION = "orders"


class ExecutionQuery(Listing):
    account_id: UuidText | None = None
    order_id: UuidText | None = None
    symbol: Symbol | None = None


class ExecutionRoutes:
    def __init__(self, api: ApiDependencies, freshness: Freshness) -> None:
        database = Database(api.pool)
        self._freshness = freshness
        self._accounts = AccountReader(database)
        self._pages = Pages(database, "executions", ExecutionKey)

    def add_to(self, router: APIRouter) -> None:
        reads(router, "/v1/executions", self.list, Items[ExecutionDocument])

    @allow(READ_MONEY)
    async def list(self, request: Request, asked: Annotated[ExecutionQuery, Query()]) -> Response:
        """Executions in reach, newest first; a busted one stays, marked."""
        await self._freshness.wait(PROJECTION, asked.at_least)
        caller = caller_of(request)
        filters = (caller.within(asked.account_id), asked.order_id, asked.symbol)
        rows = await self._pages.rows(filters, asked.cursor, asked.limit)
        if not rows and asked.account_id is not None:
            await self._accounts.account(asked.account_id, caller)
        return self._pages.answer(rows, asked.limit)
