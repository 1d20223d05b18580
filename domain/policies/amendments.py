"""Amendments that reserved and never came: the money for them is free again after a deadline."""

from datetime import datetime

from domain.account.events import ReservationChanged
from domain.clock import Clock
from domain.event import Event
from domain.order.events import OrderAmendRequested
from domain.order.order import Order
from domain.policies.agenda import Agenda, Appointment, Cause
from domain.policies.orphans import deadline_after, what_it_needs
from domain.policies.removal import context_of
from domain.repository import Repository
from domain.use_cases.change import change
from domain.use_cases.settlement_desk import SettlementDesk


class AmendmentPolicy:
    """One appointment for each reservation that an amendment asked for, until it is requested.

    Who amends reserves first and may then lose the race for the order, or die. The event that says
    so changes the order's version: a request that is only late has to be decided anew. A second
    attempt may also reserve once more after the first one's request was answered: what the order
    needs is what is reserved then.
    """

    name = "amendments"
    types = frozenset({"ReservationChanged", "OrderAmendRequested"})

    def __init__(self, repository: Repository, settlement: SettlementDesk, clock: Clock) -> None:
        self._repository = repository
        self._settlement = settlement
        self._clock = clock

    def note(self, event: Event, cause: Cause, agenda: Agenda) -> None:
        match event:
            case ReservationChanged() if event.request_id is not None:
                due = deadline_after(event.timestamp, self._clock.now())
                agenda.enter(_key(event.order_id, event.request_id), event.order_id, due, cause)
            case OrderAmendRequested():
                agenda.strike(_key(event.originator_id, event.request_id))

    async def look(self, appointment: Appointment) -> datetime | None:
        order_id = appointment.subject
        request_id = appointment.key.removeprefix(_key(order_id, ""))

        def decide(order: Order) -> None:
            order.abandon_amendment(request_id, self._clock.now())

        order = await self._repository.look(Order, order_id)
        context = context_of(self.name, appointment.cause, order.correlation_id, request_id)
        await change(self._repository, Order, order_id, decide, context)
        order = await self._repository.look(Order, order_id)
        if order.may_work:
            await self._settlement.carry_out(what_it_needs(order), context.caused("settle"))
        return None


def _key(order_id: str, request_id: str) -> str:
    return f"{order_id}/{request_id}"
