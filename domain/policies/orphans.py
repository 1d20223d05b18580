"""Orphan reservations: money that was set aside for an order that never came."""

from datetime import datetime, timedelta

from domain.account.events import FundsReserved, ReservationChanged
from domain.clock import Clock
from domain.event import Event
from domain.order.events import OrderAbandoned, OrderPlaced, OrderRefused
from domain.order.order import Order
from domain.policies.agenda import Agenda, Appointment, Cause
from domain.policies.commands import AccountCommand, ReleaseReservation, ResizeReservation
from domain.policies.removal import context_of
from domain.repository import Repository
from domain.use_cases.change import change
from domain.use_cases.settlement_desk import SettlementDesk

ORPHAN_DEADLINE = timedelta(seconds=30)
"""How long a placement may take from its reservation to its order."""

_CHANGED = "/changed"


def deadline_after(at: datetime, heard_at: datetime) -> datetime:
    """Counted from when it was heard, where the clock of who wrote ``at`` is behind."""
    return max(at, heard_at) + ORPHAN_DEADLINE


def what_it_needs(order: Order) -> ResizeReservation:
    """Of money, as of now."""
    return ResizeReservation(
        order.account_id, order.id, order.version, order.most_leaves, order.highest_worst_price
    )


class Abandonment:
    """Makes sure that an order that is not recorded never will be."""

    def __init__(self, repository: Repository, clock: Clock) -> None:
        self._repository = repository
        self._clock = clock

    async def abandon(self, account_id: str, order_id: str, cause: Cause) -> Order:
        """The order's first event says that it is abandoned, unless it has one by now."""

        def decide(order: Order) -> None:
            order.abandon(account_id, self._clock.now())

        context = context_of("orphans", cause, cause.correlation_id, order_id)
        await change(self._repository, Order, order_id, decide, context)
        order = await self._repository.load(Order, order_id, newest=True)
        self._repository.give_back(order)
        return order


class OrphanPolicy:
    """One appointment for each reservation, until the order's stream begins after it.

    A placement that was paused may also reserve for an order that has ended meanwhile, by its own
    other attempt or by this policy: then the money is freed here, as no event of the order will. If
    its other attempt placed the order at another price, what the order needs is what is reserved:
    the appointment for that stays when the order is placed, as it may be placed at the first one.
    """

    name = "orphans"
    types = frozenset(
        {
            *("FundsReserved", "ReservationChanged"),
            *("OrderPlaced", "OrderRefused", "OrderAbandoned"),
        }
    )

    def __init__(self, abandonment: Abandonment, settlement: SettlementDesk, clock: Clock) -> None:
        self._abandonment = abandonment
        self._settlement = settlement
        self._clock = clock

    def note(self, event: Event, cause: Cause, agenda: Agenda) -> None:
        match event:
            case FundsReserved():
                due = deadline_after(event.timestamp, self._clock.now())
                agenda.enter(event.order_id, event.originator_id, due, cause)
            case ReservationChanged() if event.order_version == 0:
                due = deadline_after(event.timestamp, self._clock.now())
                agenda.enter(event.order_id + _CHANGED, event.originator_id, due, cause)
            case OrderPlaced() | OrderRefused() | OrderAbandoned():
                agenda.strike(event.originator_id)

    async def look(self, appointment: Appointment) -> datetime | None:
        account_id, cause = appointment.subject, appointment.cause
        order_id = appointment.key.removesuffix(_CHANGED)
        order = await self._abandonment.abandon(account_id, order_id, cause)
        needed: AccountCommand = ReleaseReservation(account_id, order_id, "abandoned")
        if order.may_work:
            needed = what_it_needs(order)
        context = context_of(self.name, cause, cause.correlation_id, "settle")
        await self._settlement.carry_out(needed, context)
        return None
