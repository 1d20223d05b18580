"""Taking orders off the book: a cancel request, and another one where that was refused."""

from datetime import datetime, timedelta

from domain.command import Actor, ActorType, CommandContext, command_id_for
from domain.errors import Conflict
from domain.order.order import Order
from domain.policies.agenda import Cause
from domain.repository import Repository
from domain.use_cases.order_desk import OrderDesk
from domain.use_cases.requests import CancelOrder

FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(seconds=60)


class Removal:
    """Asks for the end of orders, through the desk that everybody asks."""

    def __init__(self, repository: Repository, orders: OrderDesk) -> None:
        self._repository = repository
        self._orders = orders

    async def newest(self, order_id: str) -> Order:
        """The order as the log has it now; it may not be changed."""
        order = await self._repository.load(Order, order_id, newest=True)
        self._repository.give_back(order)
        return order

    async def remove(self, order: Order, policy: str, reason: str, cause: Cause) -> None:
        """Ask once while the answer is open, and again after a refusal.

        That the order has ended, or that somebody else asked already, is an answer too.
        """
        request = cancel_request(order, policy, reason)
        if request is None:
            return
        try:
            await self._orders.cancel(
                request, context_of(policy, cause, order.correlation_id, request.request_id)
            )
        except Conflict:
            return


def cancel_request(order: Order, policy: str, reason: str) -> CancelOrder | None:
    """The next request of a policy for an order; None where none is due.

    Its id counts the policy's requests so far, so that deciding again on the same state, here or
    in another process, makes the same request.
    """
    if not order.is_live or order.pending_cancel is not None:
        return None
    prefix = f"policy:{policy}:"
    asked = sum(request_id.startswith(prefix) for request_id in order.requests)
    return CancelOrder(order.id, f"{prefix}{asked + 1}", reason)


def context_of(policy: str, cause: Cause, correlation_id: str, *step: str) -> CommandContext:
    """What a policy does for one cause; the same step of it is the same command."""
    return CommandContext(
        command_id=command_id_for("policy", policy, cause.event_id, *step),
        correlation_id=correlation_id,
        causation_id=cause.event_id,
        actor=Actor(ActorType.SYSTEM, policy, "policy"),
    )


def later(now: datetime, tries: int) -> datetime:
    """When to look again at what is not over yet."""
    return now + min(FIRST_PAUSE * (1 << min(tries, 10)), LONGEST_PAUSE)
