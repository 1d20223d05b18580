"""What must come about once everything works again: nothing is left open, unknown or behind."""

from collections.abc import Iterator

from domain.decimals import ZERO
from domain.order.order import Order
from domain.order.status import OrderStatus
from domain.order.terms import OrderType
from domain.risk.trading_state import TradingState
from tests.simulation.market import UNTRADED
from tests.simulation.story import Story

_UNDER_WAY = frozenset(
    {
        OrderStatus.UNKNOWN,
        OrderStatus.PENDING_NEW,
        OrderStatus.PENDING_CANCEL,
        OrderStatus.PENDING_REPLACE,
    }
)


def unsettled(story: Story) -> Iterator[str]:
    """What is still to come, in words; nothing when the world has settled."""
    for order in story.orders.values():
        if _waits_for_its_stop(order):
            continue
        if order.exists and order.status in _UNDER_WAY:
            yield f"order {order.id} is {order.status}"
        yield from _unlike_venue(story, order.id)
    for account in story.accounts.values():
        if account.trading_state is TradingState.HALTED:
            yield f"account {account.id} is not reconciled"
    yield from _unknown_to_the_core(story)
    for scope in story.scopes.values():
        if scope.state is TradingState.HALTED and not scope.halt_confirmed:
            yield f"the halt of {scope.id} is not confirmed"


def _waits_for_its_stop(order: Order) -> bool:
    """True for a trailing stop of the core itself that stands nowhere yet: it is not sent."""
    if order.submitted or not order.is_live or order.status is not OrderStatus.PENDING_NEW:
        return False
    is_trailing = order.terms.type is OrderType.TRAILING_STOP
    return is_trailing and order.stop_price is None and order.terms.stop_price is None


def _unknown_to_the_core(story: Story) -> Iterator[str]:
    """Working orders and positions that somebody has made at the venue by hand."""
    for account in story.accounts.values():
        untraded = story.venue.untraded[account.id]
        if account.external_positions.get(UNTRADED, ZERO) != untraded:
            yield f"the core does not know of {untraded} {UNTRADED} in account {account.id}"
    for order in story.venue.orders.values():
        of_account = story.accounts.get(order.account_id)
        if of_account is None or order.order_id is not None or not order.is_open:
            continue
        if order.venue_order_id not in of_account.external_orders:
            yield f"{order.client_order_id} works at the venue, and the core does not know it"


def _unlike_venue(story: Story, order_id: str) -> Iterator[str]:
    order = story.orders[order_id]
    working = story.venue.orders.get(order.venue_client_id)
    if order.is_live != (working is not None and working.is_open):
        yield f"order {order_id} is {order.status} in the log, and not so at the venue"
    elif working is not None and working.executed != order.cum_quantity:
        yield f"order {order_id}: {order.cum_quantity} booked, {working.executed} executed"
