"""From the log to the venue: the intent is in the log before anything is sent."""

from collections.abc import Callable
from datetime import datetime

from domain.clock import Clock
from domain.command import Actor, ActorType, CommandContext, command_id_for
from domain.errors import Busy
from domain.event import Event
from domain.execution.outcome import record_amend, record_cancel, record_submit
from domain.log import WrongExpectedVersion
from domain.order.events import OrderAmendRequested, OrderCancelRequested, OrderPlaced
from domain.order.order import Order, venue_client_id_of
from domain.repository import Repository
from domain.use_cases.change import MAX_RACES, change
from domain.venue import Outcome, Venue, VenueOrder

_ACTOR = Actor(ActorType.SYSTEM, "execution", "execution")

Recorder = Callable[[Order, Outcome, datetime], None]


class Submission:
    """Sends what orders ask for, each request once.

    Handling an event again does nothing: an order that is submitted already is not sent again,
    whatever became of the first send.
    """

    def __init__(
        self, repository: Repository, venue: Venue, clock: Clock, leader_epoch: int
    ) -> None:
        self._repository = repository
        self._venue = venue
        self._clock = clock
        self._leader_epoch = leader_epoch

    async def handle(self, event: Event, correlation_id: str, event_id: str) -> None:
        """Act on one event of an order stream; others than requests are passed over."""
        context = CommandContext(
            command_id=command_id_for("execution", event_id),
            correlation_id=correlation_id,
            causation_id=event_id,
            actor=_ACTOR,
        )
        match event:
            case OrderPlaced():
                await self._submit(event.originator_id, context)
            case OrderCancelRequested():
                await self._cancel(event, context)
            case OrderAmendRequested():
                await self._amend(event, context)
            case _:
                pass

    async def _submit(self, order_id: str, context: CommandContext) -> None:
        request = await self._intend(order_id, context)
        if request is not None:
            outcome = await self._venue.submit(request)
            await self._record(order_id, outcome, record_submit, context)

    async def _intend(self, order_id: str, context: CommandContext) -> VenueOrder | None:
        """Record the intent to send an order; None if it is not for this instance to send.

        The epoch is in the ids of the intent: two instances that intend the same at once must not
        look to the log like one that tries again. Raises Busy ``stream_busy``.
        """
        intent = context.caused(f"intent/{self._leader_epoch}")
        async with self._repository.turn(Order.stream_of(order_id)):
            for _ in range(MAX_RACES):
                order = await self._repository.load(Order, order_id, newest=True)
                if order.submitted or not order.is_live:
                    self._repository.give_back(order)
                    return None
                order.submit(self._leader_epoch, self._clock.now())
                request = _venue_order(order)
                try:
                    await self._repository.save(order, intent)
                except WrongExpectedVersion:
                    continue
                return request
        raise Busy("stream_busy", f"order {order_id} is changing too fast; try again")

    async def _cancel(self, event: OrderCancelRequested, context: CommandContext) -> None:
        order = await self._repository.load(Order, event.originator_id, newest=True)
        pending = order.pending_cancel == event.request_id
        venue_client_id, account_id = order.venue_client_id, order.account_id
        self._repository.give_back(order)
        if pending:
            outcome = await self._venue.cancel(account_id, venue_client_id)
            await self._record(event.originator_id, outcome, record_cancel, context)

    async def _amend(self, event: OrderAmendRequested, context: CommandContext) -> None:
        order = await self._repository.load(Order, event.originator_id, newest=True)
        pending = order.pending_amend == event.request_id
        venue_client_id, account_id = order.venue_client_id, order.account_id
        self._repository.give_back(order)
        if pending:
            outcome = await self._venue.amend(account_id, venue_client_id, event.amendment)
            await self._record(event.originator_id, outcome, record_amend, context)

    async def _record(
        self, order_id: str, outcome: Outcome, record: Recorder, context: CommandContext
    ) -> None:
        def decide(order: Order) -> None:
            record(order, outcome, self._clock.now())

        await change(self._repository, Order, order_id, decide, context.caused("outcome"))


def _venue_order(order: Order) -> VenueOrder:
    linked = order.linked_order_id
    return VenueOrder(
        client_order_id=order.venue_client_id,
        account_id=order.account_id,
        terms=order.terms,
        linked_client_order_id=venue_client_id_of(linked) if linked else None,
    )
