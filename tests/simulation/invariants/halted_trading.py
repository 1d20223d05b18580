"""Between a confirmed halt of a scope and its resumption no intent of it stands in the log."""

from collections.abc import Iterator

from domain.order.events import OrderSubmitting
from domain.order.order import Order
from domain.risk.risk_limits import SYSTEM_SCOPE
from domain.risk.trading_state import TradingState
from projections.projection import Fact
from tests.simulation.story import Story


def on_event(story: Story, fact: Fact) -> Iterator[str]:
    if not isinstance(fact.event, OrderSubmitting):
        return
    order = story.orders[fact.event.originator_id]
    for name in _scopes_of(order):
        scope = story.scopes.get(name)
        if scope is not None and scope.state is TradingState.HALTED and scope.halt_confirmed:
            yield f"order {order.id} is to be sent while the halt of {name} is confirmed"


def _scopes_of(order: Order) -> tuple[str, ...]:
    own = (SYSTEM_SCOPE, f"client:{order.client_id}", f"account:{order.account_id}")
    return own if order.strategy_id is None else (*own, f"strategy:{order.strategy_id}")
