"""From the venue to the log: every report becomes an event of its order, once."""

from collections.abc import Callable

from domain.clock import Clock
from domain.command import Actor, ActorType, CommandContext, command_id_for
from domain.errors import NotFound
from domain.order.order import Order, order_id_of
from domain.repository import Repository
from domain.use_cases.change import change
from domain.use_cases.result import Done
from domain.venue import (
    CancelReport,
    ExpireReport,
    FillReport,
    OrderState,
    Report,
    StopMovedReport,
    TriggerReport,
    VenueStatus,
)


class Booking:
    """Books what the venue reports. The same report again changes nothing."""

    def __init__(self, repository: Repository, venue_name: str, clock: Clock) -> None:
        self._repository = repository
        self._venue_name = venue_name
        self._clock = clock

    async def book(self, report: Report) -> Done:
        """Raises NotFound ``order_not_found`` for an order that is not ours, VenueDataError."""

        def decide(order: Order) -> None:
            match report:
                case FillReport():
                    order.fill(report, self._clock.now())
                case CancelReport():
                    order.cancel(report.reason, self._clock.now())
                case ExpireReport():
                    order.expire(self._clock.now())
                case TriggerReport():
                    order.trigger(report.price, report.at, self._clock.now())
                case StopMovedReport():
                    order.move_stop(report.stop_price, self._clock.now())

        return await self._change(report.client_order_id, decide, _key(report))

    async def book_state(self, state: OrderState) -> Done:
        """Book what the venue's records say of an order, after its fills."""

        def decide(order: Order) -> None:
            now = self._clock.now()
            order.accept(state.venue_order_id, state.at, now)
            if state.status is VenueStatus.CANCELLED:
                order.cancel(state.reason, now)
            elif state.status is VenueStatus.EXPIRED:
                order.expire(now)

        key = f"state/{state.status}/{state.at.isoformat()}"
        return await self._change(state.client_order_id, decide, key)

    async def book_absence(self, client_order_id: str, reason: str) -> Done:
        """Book that the venue's records do not have an order that was sent."""
        asked_at = self._clock.now()

        def decide(order: Order) -> None:
            order.lose_track(reason, asked_at)

        return await self._change(client_order_id, decide, f"absence/{asked_at.isoformat()}")

    async def _change(
        self, client_order_id: str, decide: Callable[[Order], None], key: str
    ) -> Done:
        order_id = order_id_of(client_order_id)
        if order_id is None:
            raise NotFound("order_not_found", f"{client_order_id} is not an order of ours")

        def decide_on_ours(order: Order) -> None:
            if not order.exists:
                raise NotFound("order_not_found", f"there is no order {order_id}")
            decide(order)

        context = CommandContext(
            command_id=command_id_for("venue", self._venue_name, client_order_id, key),
            correlation_id=await self._correlation_of(order_id),
            actor=Actor(ActorType.VENUE, self._venue_name, "venue"),
        )
        return await change(self._repository, Order, order_id, decide_on_ours, context)

    async def _correlation_of(self, order_id: str) -> str:
        order = await self._repository.load(Order, order_id)
        self._repository.give_back(order)
        return order.correlation_id if order.exists else order_id


def _key(report: Report) -> str:
    if isinstance(report, FillReport):
        return f"fill/{report.symbol}/{report.trade_id}"
    moved = f"/{report.stop_price:f}" if isinstance(report, StopMovedReport) else ""
    return f"{type(report).__name__}/{report.at.isoformat()}{moved}"
