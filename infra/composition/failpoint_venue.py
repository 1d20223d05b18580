"""A venue with a failpoint on either side of every request."""

from collections.abc import AsyncGenerator, Awaitable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from domain.instrument import Instrument
from domain.venue import (
    Absent,
    Amendment,
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
)
from infra.failpoints import failpoints


class FailpointVenue:
    """``domain.venue.Venue``, as the one it wraps."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self.name = venue.name
        self.capabilities = venue.capabilities

    async def submit(self, order: VenueOrder) -> Outcome:
        return await _around("submit", self._venue.submit(order))

    async def amend(
        self,
        account_id: str,
        client_order_id: str,
        change: Amendment,
        window: SendWindow | None = None,
    ) -> Outcome:
        amending = self._venue.amend(account_id, client_order_id, change, window)
        return await _around("amend", amending)

    async def cancel(self, account_id: str, client_order_id: str) -> Outcome:
        return await _around("cancel", self._venue.cancel(account_id, client_order_id))

    async def open_orders(self, account_id: str) -> Sequence[OpenOrder]:
        return await self._venue.open_orders(account_id)

    async def find_order(self, account_id: str, client_order_id: str) -> OrderState | Absent:
        return await self._venue.find_order(account_id, client_order_id)

    async def find_venue_order(self, account_id: str, venue_order_id: str) -> OrderState | Absent:
        return await self._venue.find_venue_order(account_id, venue_order_id)

    async def fills_since(self, account_id: str, at: datetime) -> Sequence[FillReport]:
        return await self._venue.fills_since(account_id, at)

    async def positions(self, account_id: str) -> Sequence[VenuePosition]:
        return await self._venue.positions(account_id)

    async def balances(self, account_id: str) -> Mapping[str, Decimal]:
        return await self._venue.balances(account_id)

    async def instruments(self) -> Sequence[Instrument]:
        return await self._venue.instruments()

    async def status(self) -> VenueHealth:
        return await self._venue.status()

    def reports(self) -> AsyncGenerator[Report]:
        return self._venue.reports()


def with_failpoints(venue: Venue) -> Venue:
    """The venue itself unless this process is armed."""
    return FailpointVenue(venue) if failpoints.how else venue


async def _around(request: str, answer: Awaitable[Outcome]) -> Outcome:
    failpoints.reach("venue", request, "before")
    outcome = await answer
    failpoints.reach("venue", request, "answered")
    return outcome
