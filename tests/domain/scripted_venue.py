"""A venue that answers what the test says it shall."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from domain.instrument import Instrument
from domain.venue import (
    Absent,
    Accepted,
    Amendment,
    Capabilities,
    FillReport,
    OpenOrder,
    OrderState,
    Outcome,
    Report,
    SendWindow,
    UnreadableAnswer,
    Venue,
    VenueHealth,
    VenueOrder,
    VenuePosition,
    VenueUnavailable,
)

_AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class ScriptedVenue:
    """Answers come from ``outcomes``, Accepted when there are none left; ``sent`` is what came in.

    ``fills``, ``states`` (by client order id), ``working``, ``held`` and ``money`` are its records,
    ``clock`` its time; while it ``is_down`` it answers no question, and never one about an order
    it ``does_not_tell_of``.
    """

    name = "paper"
    capabilities = Capabilities(linked_orders=True, good_till_date=True, trailing_stops=True)

    def __init__(self) -> None:
        self.outcomes: deque[Outcome] = deque()
        self.sent: list[tuple[str, str]] = []
        self.fills: list[FillReport] = []
        self.states: dict[str, OrderState] = {}
        self.to_report: asyncio.Queue[Report] = asyncio.Queue()
        self.clock = _AT
        self.working: list[OpenOrder] = []
        self.held: list[VenuePosition] = []
        self.money: dict[str, Decimal] = {}
        self.is_down = False
        self.does_not_tell_of: set[str] = set()
        self.nonsense: str | None = None

    async def submit(self, order: VenueOrder) -> Outcome:
        return await self._answer("submit", order.client_order_id)

    async def amend(
        self,
        account_id: str,
        client_order_id: str,
        change: Amendment,
        window: SendWindow | None = None,
    ) -> Outcome:
        return await self._answer("amend", client_order_id)

    async def cancel(self, account_id: str, client_order_id: str) -> Outcome:
        return await self._answer("cancel", client_order_id)

    async def open_orders(self, account_id: str) -> Sequence[OpenOrder]:
        self._must_answer()
        return self.working

    async def find_order(self, account_id: str, client_order_id: str) -> OrderState | Absent:
        self._must_answer()
        if client_order_id in self.does_not_tell_of:
            raise VenueUnavailable("cut off")
        return self.states.get(client_order_id) or Absent(self.clock)

    async def find_venue_order(self, account_id: str, venue_order_id: str) -> OrderState | Absent:
        found = [s for s in self.states.values() if s.venue_order_id == venue_order_id]
        return found[0] if found else Absent(self.clock)

    async def fills_since(self, account_id: str, at: datetime) -> Sequence[FillReport]:
        self._must_answer()
        return [f for f in self.fills if f.account_id == account_id and f.at >= at]

    async def positions(self, account_id: str) -> Sequence[VenuePosition]:
        return self.held

    async def balances(self, account_id: str) -> Mapping[str, Decimal]:
        return self.money

    async def instruments(self) -> Sequence[Instrument]:
        return ()

    async def status(self) -> VenueHealth:
        self._must_answer()
        return VenueHealth(trading=True, at=self.clock)

    async def reports(self) -> AsyncGenerator[Report]:
        while True:
            yield await self.to_report.get()

    def _must_answer(self) -> None:
        if self.is_down:
            raise VenueUnavailable("down")
        if self.nonsense is not None:
            raise UnreadableAnswer("not JSON", self.nonsense)

    async def _answer(self, request: str, client_order_id: str) -> Outcome:
        self.sent.append((request, client_order_id))
        await asyncio.sleep(0)
        if self.outcomes:
            return self.outcomes.popleft()
        return Accepted(f"v-{client_order_id}", _AT)


def _conforms(venue: ScriptedVenue) -> Venue:
    return venue
