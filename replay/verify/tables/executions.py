"""The table executions: every fill, and whether it was busted."""

from typing import NamedTuple

from domain.event import Event
from domain.log import RecordedEvent
from domain.order.events import FillBusted, OrderFilled
from domain.order.order import Order
from replay.verify.live_tables import Row
from replay.verify.tables.table import Table


class Execution(NamedTuple):
    """A fill; ``bust`` is the position of what took it back."""

    fill: OrderFilled
    position: int
    bust: int | None = None


class ExecutionsFold:
    category = Order.category

    def __init__(self) -> None:
        self._executions = Table("executions", ("order_id", "execution_number"), _row)
        self.tables = (self._executions,)

    def apply(self, recorded: RecordedEvent, event: Event) -> None:
        executions = self._executions.items
        if isinstance(event, OrderFilled):
            key = (event.originator_id, str(event.execution_number))
            executions[key] = Execution(event, recorded.position)
        elif isinstance(event, FillBusted):
            key = (event.originator_id, str(event.fill.number))
            executions[key] = executions[key]._replace(bust=recorded.position)


def _row(execution: Execution) -> Row:
    fill = execution.fill
    return {
        "order_id": fill.originator_id,
        "execution_number": fill.execution_number,
        "account_id": fill.account_id,
        "symbol": fill.symbol,
        "side": fill.side.value,
        "trade_id": fill.trade_id,
        "quantity": fill.quantity,
        "price": fill.price,
        "liquidity": fill.liquidity.value,
        "fee": fill.fee,
        "fee_asset": fill.fee_asset,
        "busted": execution.bust is not None,
        "executed_at": fill.executed_at,
        "position": execution.position if execution.bust is None else execution.bust,
    }
