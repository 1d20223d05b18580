"""Risk: the limits and the trading state of a scope."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from api.auth.caller import Caller
from api.auth.policy import HALT, READ_MONEY, SET_RISK, allow
from api.command import command_context, done
from api.dependencies import ApiDependencies
from api.documents.risk import RiskChanged, RiskDocument, TradingHalted
from api.errors import Problem
from api.fields import Body, Count, DecimalText, Reason, ScopeName, Symbol
from api.queries import query
from api.reads.database import Database
from api.reads.freshness import Freshness
from api.reads.past import then
from api.reads.rows import item
from api.registration import changes, reads
from api.route import caller_of
from api.routes.queries import Reading
from domain.command import CommandContext
from domain.risk.limits import Limits
from domain.risk.trading_state import TradingState
from domain.use_cases.result import Done
from domain.use_cases.risk_desk import ChangeTrading, SetLimits, require_scope

PROJECTION = "risk"

_NOTHING_SET: dict[str, Any] = {
    "state": TradingState.ACTIVE,
    "reason": None,
    "halt_confirmed": None,
    "limits": {},
    "version": 0,
    "updated_at": None,
    "position": 0,
}


class LimitsBody(Body):
    """All limits of a scope; what is left out does not limit."""

    allowed_symbols: Annotated[list[Symbol], Field(max_length=500)] | None = None
    price_collar: DecimalText | None = None
    quote_max_age_ms: Count | None = None
    max_order_quantity: DecimalText | None = None
    max_order_value: DecimalText | None = None
    max_position: DecimalText | None = None
    max_exposure: DecimalText | None = None
    max_open_orders: Count | None = None
    max_messages_per_second: Count | None = None
    duplicate_window_ms: Count | None = None
    max_daily_loss: DecimalText | None = None

    def limits(self) -> Limits:
        given = {name: value for name, value in self if name != "allowed_symbols"}
        symbols = self.allowed_symbols
        return Limits(allowed_symbols=None if symbols is None else tuple(symbols), **given)


class SetLimitsBody(Body):
    limits: LimitsBody
    reason: Reason


class ChangeTradingBody(Body):
    scope: ScopeName
    reason: Reason


Change = Callable[[ChangeTrading, CommandContext], Awaitable[Done]]


class RiskRoutes:
    def __init__(self, api: ApiDependencies, freshness: Freshness) -> None:
        self._api = api
        self._freshness = freshness
        self._database = Database(api.pool)
        self._statement = query("risk")

    def add_to(self, router: APIRouter) -> None:
        reads(router, "/v1/risk/limits/{scope}", self.show, RiskDocument)
        changes(router, "PUT", "/v1/risk/limits/{scope}", self.set_limits, RiskChanged)
        changes(router, "POST", "/v1/risk/halt", self.halt, TradingHalted)
        changes(router, "POST", "/v1/risk/reduce", self.reduce, RiskChanged)
        changes(router, "POST", "/v1/risk/resume", self.resume, RiskChanged)

    @allow(READ_MONEY)
    async def show(
        self, request: Request, scope: ScopeName, asked: Annotated[Reading, Query()]
    ) -> Response:
        """Limits and trading state; version 0 where nothing was ever set."""
        require_scope(scope)
        caller = caller_of(request)
        _require_reach(scope, caller)
        nothing = {"scope": scope, **_NOTHING_SET}
        if asked.as_of is not None:
            past = await then(self._api.past, asked.as_of, caller)
            return past.item(await past.risk(scope) or nothing)
        await self._freshness.wait(PROJECTION, asked.at_least)
        return item(await self._database.row(self._statement, scope) or nothing)

    @allow(SET_RISK)
    async def set_limits(self, request: Request, scope: ScopeName, body: SetLimitsBody) -> Response:
        """Replace all limits of a scope."""
        self._require_instruments(body.limits)
        context = command_context(request, self._api.ids)
        change = SetLimits(scope, str(context.command_id), body.limits.limits(), body.reason)
        changed = await self._api.risk.set_limits(change, context)
        return _accepted(scope, change.change_id, changed)

    @allow(HALT)
    async def halt(self, request: Request, body: ChangeTradingBody) -> Response:
        """Let nothing new out; cancels still go through. In force at once for every decision.

        Waits a moment for the worker that sends orders to confirm that none follows.
        """
        context = command_context(request, self._api.ids)
        asked = ChangeTrading(body.scope, str(context.command_id), body.reason)
        halted = await self._api.risk.halt(asked, context)
        confirmed_at = await self._confirmation(asked)
        position = halted.position if confirmed_at is None else confirmed_at
        document = {"scope": asked.scope, "change_id": asked.change_id}
        return done(202, position, {**document, "confirmed": confirmed_at is not None})

    @allow(HALT)
    async def reduce(self, request: Request, body: ChangeTradingBody) -> Response:
        """Let only orders out that make positions smaller."""
        return await self._change(self._api.risk.reduce, request, body)

    @allow(SET_RISK)
    async def resume(self, request: Request, body: ChangeTradingBody) -> Response:
        """Let orders out again."""
        return await self._change(self._api.risk.resume, request, body)

    async def _change(self, change: Change, request: Request, body: ChangeTradingBody) -> Response:
        context = command_context(request, self._api.ids)
        asked = ChangeTrading(body.scope, str(context.command_id), body.reason)
        return _accepted(body.scope, asked.change_id, await change(asked, context))

    async def _confirmation(self, halt: ChangeTrading) -> int | None:
        """Where in the log it stands, None if it does not come in time."""
        try:
            async with asyncio.timeout(self._api.halt_wait_seconds):
                return await self._api.risk_book.until_halt_confirmed(halt.scope, halt.change_id)
        except TimeoutError:
            return None

    def _require_instruments(self, limits: LimitsBody) -> None:
        for symbol in limits.allowed_symbols or ():
            if self._api.instruments.get(symbol) is None:
                raise Problem(
                    "unknown_symbol", f"there is no instrument {symbol}", "limits.allowed_symbols"
                )


def _require_reach(scope: str, caller: Caller) -> None:
    """A token bound to accounts sees the limits of those accounts only."""
    kind, _, account_id = scope.partition(":")
    if caller.accounts is not None and (kind != "account" or not caller.reaches(account_id)):
        raise Problem("scope_not_found", "there is no such scope", "scope")


def _accepted(scope: str, change_id: str, changed: Done) -> Response:
    return done(202, changed.position, {"scope": scope, "change_id": change_id})
