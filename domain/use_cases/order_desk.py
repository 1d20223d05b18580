"""What can be asked for about orders: place, amend, cancel."""

from domain.clock import Clock
from domain.command import CommandContext
from domain.errors import NotFound
from domain.order.order import Order
from domain.repository import Repository
from domain.use_cases.amendment import OrderAmendment
from domain.use_cases.change import change
from domain.use_cases.decision import DecisionMaker
from domain.use_cases.placement import OrderPlacement
from domain.use_cases.requests import AmendOrder, CancelOrder, PlaceOrder
from domain.use_cases.result import Done, PlacedOrder


class OrderDesk:
    """The door every order goes through, whoever sends it."""

    def __init__(self, repository: Repository, decisions: DecisionMaker, clock: Clock) -> None:
        self._repository = repository
        self._clock = clock
        self._placement = OrderPlacement(repository, decisions, clock)
        self._amendment = OrderAmendment(repository, decisions, clock)

    async def place(self, request: PlaceOrder, context: CommandContext) -> PlacedOrder:
        """Decide, reserve, record: the order is placed or refused in the log when this returns.

        An oco request places two linked orders; the answer names both. Raises InvalidInput for
        what no market could make right, NotFound ``account_not_found``, Conflict
        ``idempotency_key_reused`` and ``order_abandoned``, Busy ``stream_busy``, and what the log
        raises.
        """
        return await self._placement.place(request, context)

    async def amend(self, request: AmendOrder, context: CommandContext) -> Done:
        """Raise the reservation where needed, then record the request for the venue.

        Raises Refused with the first failed control's code, NotFound ``order_not_found``, and what
        Order.request_amend raises.
        """
        return await self._amendment.amend(request, context)

    async def cancel(self, request: CancelOrder, context: CommandContext) -> Done:
        """Record the request for the venue; no control stands in the way of a cancel.

        Raises NotFound ``order_not_found`` and what Order.request_cancel raises.
        """

        def decide(order: Order) -> None:
            if not order.exists:
                raise NotFound("order_not_found", f"there is no order {request.order_id}")
            order.request_cancel(request.request_id, request.reason, self._clock.now())

        return await change(self._repository, Order, request.order_id, decide, context)
