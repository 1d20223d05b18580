"""Recovery: after a restart the venue's own records tell what became of the working orders."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from domain.execution.booking import Booking
from domain.order.order import Order
from domain.repository import Repository
from domain.venue import FillReport, Venue


class WorkingOrders(Protocol):
    """The orders that may be at the venue, as the read model has them once it is current."""

    async def list(self) -> Sequence[str]: ...


class Recovery:
    """Books the fills and endings that were missed; asks, and never sends.

    An order that was never submitted is left to the submission; one that the venue does not know
    becomes unknown, with its reservation. Raises VenueUnavailable: then nothing may trade.
    """

    def __init__(
        self,
        repository: Repository,
        venue: Venue,
        booking: Booking,
        working_orders: WorkingOrders,
    ) -> None:
        self._repository = repository
        self._venue = venue
        self._booking = booking
        self._working_orders = working_orders

    async def run(self) -> None:
        orders = [await self._load(order_id) for order_id in await self._working_orders.list()]
        sent = [order for order in orders if order.may_work and order.submitted]
        fills = await self._missed_fills(sent)
        for order in sent:
            await self._recover(order, fills.get(order.venue_client_id, []))

    async def _load(self, order_id: str) -> Order:
        order = await self._repository.load(Order, order_id, newest=True)
        self._repository.give_back(order)
        return order

    async def _missed_fills(self, orders: Sequence[Order]) -> dict[str, list[FillReport]]:
        """The venue's fills by client order id, since the first of each account's orders."""
        since: dict[str, datetime] = {}
        for order in orders:
            first = since.get(order.account_id, order.placed_at)
            since[order.account_id] = min(first, order.placed_at)
        fills: dict[str, list[FillReport]] = {}
        for account_id, at in since.items():
            for fill in await self._venue.fills_since(account_id, at):
                fills.setdefault(fill.client_order_id, []).append(fill)
        return fills

    async def _recover(self, order: Order, fills: Sequence[FillReport]) -> None:
        state = await self._venue.find_order(order.account_id, order.venue_client_id)
        for fill in fills:
            await self._booking.book(fill)
        if state is not None:
            await self._booking.book_state(state)
        else:
            await self._booking.book_absence(order.venue_client_id, "the venue does not know it")
