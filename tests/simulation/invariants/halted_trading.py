"""Between a confirmed halt of a scope and its resumption no intent of it stands in the log.

Nor does an amendment leave that asks for more than less quantity, but for the core's own moves of
trailing stops.
"""

from collections.abc import Iterator

from domain.order.events import OrderSubmitting
from domain.order.order import Order, order_id_of
from domain.risk.risk_limits import SYSTEM_SCOPE
from domain.risk.trading_state import TradingState
from projections.projection import Fact
from tests.simulation.story import Story


def on_event(story: Story, fact: Fact) -> Iterator[str]:
    if isinstance(fact.event, OrderSubmitting):
        order = story.orders[fact.event.originator_id]
        for name in _halted(story, order):
            yield f"order {order.id} is to be sent while the halt of {name} is confirmed"


def on_request(story: Story, request: str, client_order_id: str) -> Iterator[str]:
    order = story.orders.get(order_id_of(client_order_id) or "")
    if request == "amend" and order is not None and _asks_for_more(order):
        for name in _halted(story, order):
            yield f"order {order.id} is amended while the halt of {name} is confirmed"


def _asks_for_more(order: Order) -> bool:
    asked = order.pending_amendment
    if asked is None or (order.pending_amend or "").startswith("policy:trailing_stop:"):
        return False
    if asked.limit_price is not None or asked.stop_price is not None:
        return True
    return asked.quantity is not None and asked.quantity > order.terms.quantity


def _halted(story: Story, order: Order) -> Iterator[str]:
    """The scopes of an order whose halt is confirmed."""
    for name in _scopes_of(order):
        scope = story.scopes.get(name)
        if scope is not None and scope.state is TradingState.HALTED and scope.halt_confirmed:
            yield name


def _scopes_of(order: Order) -> tuple[str, ...]:
    own = (SYSTEM_SCOPE, f"client:{order.client_id}", f"account:{order.account_id}")
    return own if order.strategy_id is None else (*own, f"strategy:{order.strategy_id}")
