"""A venue that answers what the test says it shall."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime

from domain.venue import (
    Accepted,
    Amendment,
    FillReport,
    OpenOrder,
    OrderState,
    Outcome,
    Report,
    Venue,
    VenueOrder,
)

_AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class ScriptedVenue:
    """Answers come from ``outcomes``, Accepted when there are none left; ``sent`` is what came in.

    ``fills`` and ``states`` are its records, by client order id.
    """

    name = "paper"

    def __init__(self) -> None:
        self.outcomes: deque[Outcome] = deque()
        self.sent: list[tuple[str, str]] = []
        self.fills: list[FillReport] = []
        self.states: dict[str, OrderState] = {}
        self.to_report: asyncio.Queue[Report] = asyncio.Queue()

    async def submit(self, order: VenueOrder) -> Outcome:
        return await self._answer("submit", order.client_order_id)

    async def amend(self, account_id: str, client_order_id: str, change: Amendment) -> Outcome:
        return await self._answer("amend", client_order_id)

    async def cancel(self, account_id: str, client_order_id: str) -> Outcome:
        return await self._answer("cancel", client_order_id)

    async def open_orders(self, account_id: str) -> Sequence[OpenOrder]:
        return ()

    async def find_order(self, account_id: str, client_order_id: str) -> OrderState | None:
        return self.states.get(client_order_id)

    async def fills_since(self, account_id: str, at: datetime) -> Sequence[FillReport]:
        return [f for f in self.fills if f.account_id == account_id and f.at >= at]

    async def reports(self) -> AsyncGenerator[Report]:
        while True:
            yield await self.to_report.get()

    async def _answer(self, request: str, client_order_id: str) -> Outcome:
        self.sent.append((request, client_order_id))
        await asyncio.sleep(0)
        if self.outcomes:
            return self.outcomes.popleft()
        return Accepted(f"v-{client_order_id}", _AT)


def _conforms(venue: ScriptedVenue) -> Venue:
    return venue
