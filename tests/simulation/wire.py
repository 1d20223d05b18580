"""The wire between a worker and the venue: what is on its way arrives, though its sender dies."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar, cast

from domain.instrument import Instrument
from domain.venue import (
    Absent,
    Amendment,
    Capabilities,
    FillReport,
    OpenOrder,
    OrderState,
    Outcome,
    Report,
    SendWindow,
    Venue,
    VenueHealth,
    VenueOrder,
    VenuePosition,
    VenueUnavailable,
)

T = TypeVar("T")

Serve = Callable[[], Awaitable[Any]]
Answer = tuple[Any, VenueUnavailable | None]


class VenueServer:
    """The venue's end: every request is served in a task of the world, in the order of arrival."""

    def __init__(self) -> None:
        self._arriving: asyncio.Queue[tuple[Serve, asyncio.Future[Answer]]] = asyncio.Queue()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                serve, answer = await self._arriving.get()
                group.create_task(self._serve(serve, answer))

    def put(self, serve: Serve) -> "asyncio.Future[Answer]":
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._arriving.put_nowait((serve, answer))
        return answer

    async def _serve(self, serve: Serve, answer: "asyncio.Future[Answer]") -> None:
        try:
            result: Answer = (await serve(), None)
        except VenueUnavailable as error:
            result = (None, error)
        if not answer.done():
            answer.set_result(result)


class WiredVenue:
    """A worker's end. ``on_request`` sees every request at the moment it leaves the worker."""

    def __init__(
        self, venue: Venue, server: VenueServer, on_request: Callable[[str, str], None]
    ) -> None:
        self.name = venue.name
        self.capabilities: Capabilities = venue.capabilities
        self._venue = venue
        self._server = server
        self._on_request = on_request

    async def submit(self, order: VenueOrder) -> Outcome:
        self._on_request("submit", order.client_order_id)
        return await self._ask(lambda: self._venue.submit(order))

    async def amend(
        self,
        account_id: str,
        client_order_id: str,
        change: Amendment,
        window: SendWindow | None = None,
    ) -> Outcome:
        self._on_request("amend", client_order_id)
        return await self._ask(
            lambda: self._venue.amend(account_id, client_order_id, change, window)
        )

    async def cancel(self, account_id: str, client_order_id: str) -> Outcome:
        self._on_request("cancel", client_order_id)
        return await self._ask(lambda: self._venue.cancel(account_id, client_order_id))

    async def open_orders(self, account_id: str) -> Sequence[OpenOrder]:
        return await self._ask(lambda: self._venue.open_orders(account_id))

    async def find_order(self, account_id: str, client_order_id: str) -> OrderState | Absent:
        return await self._ask(lambda: self._venue.find_order(account_id, client_order_id))

    async def find_venue_order(self, account_id: str, venue_order_id: str) -> OrderState | Absent:
        return await self._ask(lambda: self._venue.find_venue_order(account_id, venue_order_id))

    async def fills_since(self, account_id: str, at: datetime) -> Sequence[FillReport]:
        return await self._ask(lambda: self._venue.fills_since(account_id, at))

    async def positions(self, account_id: str) -> Sequence[VenuePosition]:
        return await self._ask(lambda: self._venue.positions(account_id))

    async def balances(self, account_id: str) -> Mapping[str, Decimal]:
        return await self._ask(lambda: self._venue.balances(account_id))

    async def instruments(self) -> Sequence[Instrument]:
        return await self._ask(self._venue.instruments)

    async def status(self) -> VenueHealth:
        return await self._ask(self._venue.status)

    def reports(self) -> AsyncGenerator[Report]:
        return self._venue.reports()

    async def _ask(self, serve: Callable[[], Awaitable[T]]) -> T:
        result, error = await self._server.put(serve)
        if error is not None:
            raise VenueUnavailable(str(error))
        return cast("T", result)


def _conforms(venue: WiredVenue) -> Venue:
    return venue
