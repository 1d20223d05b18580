"""Orders: place, list, show, amend, cancel."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from api.auth.caller import Caller
from api.auth.policy import READ_MONEY, TRADE, allow
from api.command import command_context, done
from api.correlation import correlation_id_of
from api.dependencies import ApiDependencies
from api.documents.fields import Items
from api.documents.order import OrderChangeRequested, OrderDocument, OrderPlaced, TimelineDocument
from api.documents.problem import problem_responses
from api.errors import Problem
from api.fields import (
    Body,
    ClientOrderId,
    DecimalText,
    Flag,
    Instant,
    Reason,
    Symbol,
    UuidText,
)
from api.problem import problem_response
from api.reads.cursor import decode_cursor
from api.reads.database import Database
from api.reads.freshness import Freshness
from api.reads.order_owner import OrderOwner
from api.reads.order_reader import OrderReader
from api.reads.ordering import OrderKey, TimelineKey
from api.reads.page import Pages
from api.reads.past import then
from api.reads.rows import item
from api.registration import changes, creates, reads
from api.route import LeanRoute, caller_of
from api.routes.listing import Listing
from api.routes.parameters import ORDER_ID, READING, path_uuid, reading_of
from api.routes.queries import Parameters, ReadingPages
from domain.order.status import OrderStatus
from domain.order.terms import OrderTerms, OrderType, Side, TimeInForce
from domain.order.trailing import TrailingStep
from domain.use_cases.requests import AmendOrder, CancelOrder, PlaceOrder
from domain.use_cases.result import PlacedOrder
from domain.venue import Amendment

PROJECTION = "orders"
TIMELINE_PROJECTION = "order_timeline"

MAX_VERSION = 2**31 - 1
"""What the log counts up to in a stream."""


class TrailingStepBody(Body):
    """At a price of entry × reach the stop moves to entry × lift."""

    reach: DecimalText
    lift: DecimalText


class PlaceOrderBody(Body):
    """An order. Prices in the quote asset, quantity in the base asset, both as strings."""

    account_id: UuidText
    symbol: Symbol
    side: Side
    type: OrderType
    quantity: DecimalText
    limit_price: DecimalText | None = None
    stop_price: DecimalText | None = None
    trailing_offset: DecimalText | None = None
    trailing_steps: Annotated[tuple[TrailingStepBody, ...], Field(max_length=20)] = ()
    entry_price: DecimalText | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    expire_at: Instant | None = None
    reduce_only: Flag = False
    post_only: Flag = False
    client_order_id: ClientOrderId | None = None

    def terms(self) -> OrderTerms:
        return OrderTerms(
            symbol=self.symbol,
            side=self.side,
            type=self.type,
            quantity=self.quantity,
            limit_price=self.limit_price,
            stop_price=self.stop_price,
            trailing_offset=self.trailing_offset,
            trailing_steps=tuple(TrailingStep(s.reach, s.lift) for s in self.trailing_steps),
            entry_price=self.entry_price,
            time_in_force=self.time_in_force,
            expire_at=self.expire_at,
            reduce_only=self.reduce_only,
            post_only=self.post_only,
        )


class AmendOrderBody(Body):
    """New values; what is left out stays."""

    quantity: DecimalText | None = None
    limit_price: DecimalText | None = None
    stop_price: DecimalText | None = None

    def amendment(self) -> Amendment:
        """Raises Problem ``nothing_to_amend``, ``not_positive``."""
        given = {name: value for name, value in self if value is not None}
        if not given:
            raise Problem("nothing_to_amend", "give a new quantity, limit_price or stop_price")
        for name, value in given.items():
            if value <= 0:
                raise Problem("not_positive", f"{name} must be above zero", name)
        return Amendment(self.quantity, self.limit_price, self.stop_price)


class CancelQuery(Parameters):
    reason: Reason = "requested"


class OrderQuery(ReadingPages):
    account_id: UuidText | None = None
    symbol: Symbol | None = None
    status: OrderStatus | None = None


class OrderRoutes:
    def __init__(self, api: ApiDependencies, freshness: Freshness, reader: OrderReader) -> None:
        database = Database(api.pool)
        self._api = api
        self._freshness = freshness
        self._reader = reader
        self._owner = OrderOwner(api.log)
        self._orders = Listing(api, freshness, PROJECTION, "orders", OrderKey)
        self._timelines = Pages(database, "order_timeline", TimelineKey)

    def add_to(self, router: APIRouter) -> None:
        one = "/v1/orders/{order_id}"
        router.routes.append(self._hot_read(one))
        creates(router, "/v1/orders", self.place, OrderPlaced)
        reads(router, "/v1/orders", self.list, Items[OrderDocument])
        changes(router, "PATCH", one, self.amend, OrderChangeRequested)
        changes(router, "DELETE", one, self.cancel, OrderChangeRequested)
        reads(router, f"{one}/timeline", self.timeline, Items[TimelineDocument])

    def _hot_read(self, path: str) -> LeanRoute:
        return LeanRoute(
            path,
            self.show,
            methods=["GET"],
            response_model=OrderDocument,
            responses=problem_responses(),
            openapi_extra={"parameters": [ORDER_ID, *READING]},
        )

    @allow(TRADE)
    async def place(self, request: Request, body: PlaceOrderBody) -> Response:
        """Place an order. 201: reserved and recorded; 422 with verdicts: refused and recorded."""
        caller_of(request).require_account(body.account_id)
        placed = await self._api.orders.place(
            PlaceOrder(body.account_id, body.terms(), body.client_order_id),
            command_context(request, self._api.ids),
        )
        if placed.status is OrderStatus.REFUSED:
            return _refusal(placed, correlation_id_of(request.scope))
        document = {
            "order_id": placed.order_id,
            "status": placed.status,
            "linked_order_id": placed.linked_order_id,
        }
        return done(201, placed.position, document)

    @allow(TRADE)
    async def amend(self, request: Request, order_id: UuidText, body: AmendOrderBody) -> Response:
        """Ask the venue for other terms; its answer shows in the order."""
        amendment = body.amendment()
        await self._owner.require(order_id, caller_of(request))
        context = command_context(request, self._api.ids)
        asked = AmendOrder(order_id, str(context.command_id), amendment)
        amended = await self._api.orders.amend(asked, context)
        return _accepted(asked.order_id, asked.request_id, amended.position)

    @allow(TRADE)
    async def cancel(
        self, request: Request, order_id: UuidText, asked: Annotated[CancelQuery, Query()]
    ) -> Response:
        """Ask the venue to take the order off the book; its answer shows in the order."""
        await self._owner.require(order_id, caller_of(request))
        context = command_context(request, self._api.ids)
        cancel = CancelOrder(order_id, str(context.command_id), asked.reason)
        cancelled = await self._api.orders.cancel(cancel, context)
        return _accepted(order_id, cancel.request_id, cancelled.position)

    @allow(READ_MONEY)
    async def list(self, request: Request, asked: Annotated[OrderQuery, Query()]) -> Response:
        """Orders in reach, newest first."""
        caller = caller_of(request)
        filters = (caller.within(asked.account_id), asked.symbol, asked.status)
        return await self._orders.answer(caller, asked, filters, asked.account_id)

    @allow(READ_MONEY)
    async def show(self, request: Request) -> Response:
        """The order as it is, or was."""
        order_id, caller = path_uuid(request, "order_id"), caller_of(request)
        if request.scope["query_string"]:
            asked = reading_of(request)
            if asked.as_of is not None:
                past = await then(self._api.past, asked.as_of, caller)
                return past.item(await past.order(order_id))
            await self._freshness.wait(PROJECTION, asked.at_least)
        return item(await self._reader.order(order_id, caller))

    @allow(READ_MONEY)
    async def timeline(
        self, request: Request, order_id: UuidText, asked: Annotated[ReadingPages, Query()]
    ) -> Response:
        """The order event by event, oldest first."""
        caller = caller_of(request)
        if asked.as_of is not None:
            return await self._timeline_then(order_id, asked, asked.as_of, caller)
        await self._freshness.wait(PROJECTION, asked.at_least)
        await self._freshness.wait(TIMELINE_PROJECTION, asked.at_least)
        await self._reader.order(order_id, caller)
        rows = await self._timelines.rows((order_id,), asked.cursor, asked.limit)
        return self._timelines.answer(rows, asked.limit)

    async def _timeline_then(
        self, order_id: str, asked: ReadingPages, as_of: str, caller: Caller
    ) -> Response:
        after_version = _version_of(asked.cursor)
        past = await then(self._api.past, as_of, caller)
        rows = await past.timeline(order_id, after_version, asked.limit + 1)
        return past.dated(self._timelines.answer(rows, asked.limit))


def _version_of(cursor: str | None) -> int:
    """Raises Problem ``invalid_cursor``."""
    key = decode_cursor(cursor, TimelineKey)
    version = key.version if key else 0
    if not 0 <= version <= MAX_VERSION:
        raise Problem("invalid_cursor", "not a cursor of this list", "cursor")
    return version


def _accepted(order_id: str, request_id: str, position: int) -> Response:
    return done(202, position, {"order_id": order_id, "request_id": request_id})


def _refusal(placed: PlacedOrder, correlation_id: str) -> Response:
    """A refusal is a fact in the log: it has an order id and a position."""
    failed = [verdict for verdict in placed.verdicts if not verdict.passed]
    code = placed.code or failed[0].control
    return problem_response(
        code,
        failed[0].message or code,
        correlation_id,
        status=422,
        headers={"Log-Position": str(placed.position)},
        order_id=placed.order_id,
        position=placed.position,
        verdicts=failed,
    )
