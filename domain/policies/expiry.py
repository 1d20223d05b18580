"""Expiry: a good-till-date order that outlives its date is taken off the book."""

from datetime import datetime, timedelta

from domain.clock import Clock
from domain.event import Event
from domain.order.events import (
    OrderAmended,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderPlaced,
    OrderRejected,
    OrderWithheld,
)
from domain.policies.agenda import Agenda, Appointment, Cause
from domain.policies.removal import Removal, later
from domain.venue import Capabilities

VENUE_GRACE = timedelta(seconds=5)
"""How long a venue that ends orders itself is given to tell so."""


class ExpiryPolicy:
    """One appointment for each good-till-date order, from its placing to its end."""

    name = "expiry"
    types = frozenset(
        {
            *("OrderPlaced", "OrderAmended", "OrderFilled", "OrderCancelled"),
            *("OrderExpired", "OrderRejected", "OrderWithheld"),
        }
    )

    def __init__(self, removal: Removal, clock: Clock, capabilities: Capabilities) -> None:
        self._removal = removal
        self._clock = clock
        self._grace = VENUE_GRACE if capabilities.good_till_date else timedelta()

    def note(self, event: Event, cause: Cause, agenda: Agenda) -> None:
        order_id = event.originator_id
        match event:
            case OrderPlaced():
                self._enter(order_id, event.terms.expire_at, cause, agenda)
            case OrderAmended() if event.leaves_quantity:
                self._enter(order_id, event.terms.expire_at, cause, agenda)
            case OrderFilled() if event.leaves_quantity:
                pass
            case (
                OrderAmended()
                | OrderFilled()
                | OrderCancelled()
                | OrderExpired()
                | OrderRejected()
                | OrderWithheld()
            ):
                agenda.strike(order_id)

    def _enter(
        self, order_id: str, expire_at: datetime | None, cause: Cause, agenda: Agenda
    ) -> None:
        if expire_at is not None:
            agenda.enter(order_id, order_id, expire_at + self._grace, cause)

    async def look(self, appointment: Appointment) -> datetime | None:
        order = await self._removal.newest(appointment.subject)
        if not order.is_live:
            return None
        await self._removal.remove(order, self.name, "expired", appointment.cause)
        return later(self._clock.now(), appointment.tries)
