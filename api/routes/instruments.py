"""Instruments: what can be traded, and the venue's filters."""

from typing import Any

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from api.auth.policy import ANYBODY, allow
from api.dependencies import ApiDependencies
from api.documents.fields import Items
from api.documents.market import InstrumentDocument
from api.errors import Problem
from api.fields import Symbol
from api.reads.decimals import plain
from api.reads.rows import item, items
from api.registration import reads
from domain.instrument import Instrument


class InstrumentRoutes:
    def __init__(self, api: ApiDependencies) -> None:
        self._instruments = api.instruments

    def add_to(self, router: APIRouter) -> None:
        reads(router, "/v1/instruments", self.list, Items[InstrumentDocument])
        reads(router, "/v1/instruments/{symbol}", self.show, InstrumentDocument)

    @allow(ANYBODY)
    async def list(self, request: Request) -> Response:
        return items([_document(instrument) for instrument in self._instruments.all()])

    @allow(ANYBODY)
    async def show(self, request: Request, symbol: Symbol) -> Response:
        instrument = self._instruments.get(symbol)
        if instrument is None:
            raise Problem("instrument_not_found", f"there is no instrument {symbol}", "symbol")
        return item(_document(instrument))


def _document(instrument: Instrument) -> dict[str, Any]:
    return {name: plain(value) for name, value in msgspec.structs.asdict(instrument).items()}
