"""Market data: candles."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from api.auth.policy import ANYBODY, allow
from api.dependencies import ApiDependencies
from api.documents.fields import Items
from api.documents.market import CandleDocument
from api.fields import Instant, PageLimit, Symbol
from api.reads.database import Database
from api.reads.ordering import CandleKey
from api.reads.page import Pages
from api.registration import reads
from api.routes.queries import Parameters


class CandleQuery(Parameters):
    """``from`` is inclusive, ``to`` exclusive, both by the candle's opening."""

    model_config = ConfigDict(populate_by_name=False)

    symbol: Symbol
    interval: Literal["1m"] = "1m"
    since: Annotated[Instant | None, Field(alias="from")] = None
    until: Annotated[Instant | None, Field(alias="to")] = None
    cursor: str | None = None
    limit: PageLimit = 500


class MarketRoutes:
    def __init__(self, api: ApiDependencies) -> None:
        self._pages = Pages(Database(api.pool), "candles", CandleKey)

    def add_to(self, router: APIRouter) -> None:
        reads(router, "/v1/market/candles", self.candles, Items[CandleDocument])

    @allow(ANYBODY)
    async def candles(self, request: Request, asked: Annotated[CandleQuery, Query()]) -> Response:
        """Candles, oldest first; the last one may still be open."""
        filters = (asked.symbol, asked.interval, asked.since, asked.until)
        rows = await self._pages.rows(filters, asked.cursor, asked.limit)
        return self._pages.answer(rows, asked.limit)
