"""OCO: when one leg of a pair is executed, triggered or over, the other is taken off the book."""

from collections import OrderedDict
from datetime import datetime, timedelta

from domain.clock import Clock
from domain.event import Event
from domain.order.events import (
    OrderAbandoned,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderPlaced,
    OrderRefused,
    OrderRejected,
    OrderTriggered,
    OrderWithheld,
)
from domain.order.order import Order
from domain.policies.agenda import Agenda, Appointment, Cause
from domain.policies.commands import FlagOcoBothFilled
from domain.policies.orphans import Abandonment, deadline_after
from domain.policies.removal import Removal, context_of, later
from domain.use_cases.settlement_desk import SettlementDesk
from domain.venue import Capabilities

VENUE_GRACE = timedelta(seconds=2)
"""How long a venue that links orders itself is given to cancel the other leg."""

PARTNER_POLL = timedelta(seconds=1)
"""Between looks for a leg that is not recorded yet."""

KNOWN_LONERS = 10_000
"""Of so many orders it is remembered, to spare looking at them, that they have no partner."""


class OcoPolicy:
    """Looks at a pair after every event that may decide it, and once if it stays half placed.

    Both directions are judged alike, from the state of both legs, so the order in which events
    are heard makes no difference; where both legs were touched at once, both are taken off.
    """

    name = "oco"
    types = frozenset(
        {
            *("OrderPlaced", "OrderFilled", "OrderTriggered", "OrderCancelled", "OrderExpired"),
            *("OrderRejected", "OrderWithheld", "OrderRefused", "OrderAbandoned"),
        }
    )

    def __init__(
        self,
        removal: Removal,
        abandonment: Abandonment,
        settlement: SettlementDesk,
        clock: Clock,
        capabilities: Capabilities,
    ) -> None:
        self._removal = removal
        self._abandonment = abandonment
        self._settlement = settlement
        self._clock = clock
        self._grace = VENUE_GRACE if capabilities.linked_orders else timedelta()
        self._loners: OrderedDict[str, None] = OrderedDict()

    def note(self, event: Event, cause: Cause, agenda: Agenda) -> None:
        order_id = event.originator_id
        match event:
            case OrderPlaced():
                self._note_placed(event, cause, agenda)
            case OrderAbandoned():
                agenda.hasten(_waiting_for(order_id), event.timestamp)
            case (
                OrderFilled()
                | OrderTriggered()
                | OrderCancelled()
                | OrderExpired()
                | OrderRejected()
                | OrderWithheld()
                | OrderRefused()
            ) if order_id not in self._loners:
                # Counted from hearing at the latest: a clock that is behind would put it off.
                heard_or_earlier = min(event.timestamp, self._clock.now())
                agenda.enter(order_id, order_id, heard_or_earlier + self._grace, cause)

    def _note_placed(self, event: OrderPlaced, cause: Cause, agenda: Agenda) -> None:
        """The leg that is placed first waits for the other."""
        order_id, linked = event.originator_id, event.linked_order_id
        if linked is None:
            self._loners[order_id] = None
            if len(self._loners) > KNOWN_LONERS:
                self._loners.popitem(last=False)
        elif _waiting_for(order_id) in agenda:
            agenda.strike(_waiting_for(order_id))
        else:
            due = deadline_after(event.timestamp, self._clock.now())
            agenda.enter(_waiting_for(linked), order_id, due, cause)

    async def look(self, appointment: Appointment) -> datetime | None:
        order = await self._removal.newest(appointment.subject)
        if order.linked_order_id is None:
            return None
        partner = await self._removal.newest(order.linked_order_id)
        now = self._clock.now()
        if not partner.exists:
            if appointment.key != _waiting_for(partner.id):
                return now + PARTNER_POLL
            partner = await self._abandonment.abandon(
                order.account_id, partner.id, appointment.cause
            )
        await self._flag(order, partner, appointment.cause)
        undecided = to_take_off(order, partner)
        for leg in undecided:
            await self._removal.remove(leg, self.name, "oco", appointment.cause)
        return later(now, appointment.tries) if undecided else None

    async def _flag(self, order: Order, partner: Order, cause: Cause) -> None:
        if order.fills and partner.fills:
            first, second = sorted((order.id, partner.id))
            quantity = min(order.cum_quantity, partner.cum_quantity)
            await self._settlement.carry_out(
                FlagOcoBothFilled(order.account_id, first, second, quantity),
                context_of(self.name, cause, order.correlation_id, "both_filled"),
            )


def to_take_off(order: Order, partner: Order) -> tuple[Order, ...]:
    """The live legs whose other leg has decided the pair."""
    pairs = ((order, partner), (partner, order))
    return tuple(leg for leg, other in pairs if leg.is_live and _has_decided(other))


def _has_decided(leg: Order) -> bool:
    executed = bool(leg.fills or leg.busted)
    return executed or leg.triggered or not leg.is_live


def _waiting_for(order_id: str) -> str:
    return f"waiting for {order_id}"
