"""Orders as they are now, and their executions."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from domain.decimals import ZERO
from domain.order.events import (
    FillBusted,
    OrderCancelled,
    OrderEvent,
    OrderFilled,
    OrderRefused,
    OrderRejected,
    OrderUnknown,
)
from domain.order.order import Order
from projections.executions import EXECUTIONS, ExecutionRow, execution_busted, execution_filled
from projections.kept_state import KeptState
from projections.projection import Changes, Fact, Loaded, Projection, Wanted
from projections.table import Table

STATE = KeptState(Order, without=("fills", "busted", "requests", "verdicts"))


class OrderRow(msgspec.Struct, frozen=True):
    """``notional`` is the sum of quantity × price over the fills that stand; ``state`` is what the
    domain's own fold goes on from. ``fees_paid`` is in the asset the account pays fees in."""

    order_id: str
    account_id: str
    client_id: str
    client_order_id: str
    venue_order_id: str | None
    strategy_id: str | None
    linked_order_id: str | None
    symbol: str
    side: str
    type: str
    quantity: Decimal
    limit_price: Decimal | None
    stop_price: Decimal | None
    trailing_offset: Decimal | None
    time_in_force: str
    expire_at: datetime | None
    reduce_only: bool
    post_only: bool
    status: str
    cum_quantity: Decimal
    leaves_quantity: Decimal
    average_price: Decimal | None
    fees_paid: Decimal
    refusal_code: str | None
    reason: str | None
    placed_at: datetime
    updated_at: datetime
    version: int
    position: int
    notional: Decimal
    state: msgspec.Raw


ORDERS = Table(
    "orders",
    OrderRow,
    ("order_id",),
    published_as="orders",
    hidden=frozenset({"notional", "state"}),
)


class FoldedOrder:
    """An order: the aggregate, and what its row has beyond it."""

    def __init__(self, order: Order, row: OrderRow | None = None) -> None:
        self.order = order
        self.fees_paid = row.fees_paid if row else ZERO
        self.notional = row.notional if row else ZERO
        self.refusal_code = row.refusal_code if row else None
        self.reason = row.reason if row else None
        self.updated_at = order.modified_on
        self.position = 0

    def apply(self, event: OrderEvent, position: int) -> None:
        if isinstance(event, FillBusted):
            self._take_back(event)
        was_unknown = self.order.unknown
        event.mutate(self.order)
        if was_unknown and not self.order.unknown:
            self.reason = None
        self._explain(event)
        self.updated_at = event.timestamp
        self.position = position

    def _explain(self, event: OrderEvent) -> None:
        if isinstance(event, OrderFilled):
            self.notional += event.quantity * event.price
            self.fees_paid += event.fee
        elif isinstance(event, OrderRefused):
            self.refusal_code = event.code
            self.reason = next((v.message for v in event.verdicts if not v.passed), None)
        elif isinstance(event, OrderRejected):
            self.refusal_code, self.reason = event.code, event.reason
        elif isinstance(event, OrderCancelled | OrderUnknown):
            self.reason = event.reason

    def _take_back(self, event: FillBusted) -> None:
        # The fills of earlier pages are not kept; the bust tells the one that it needs.
        self.order.fills[event.fill.trade_id] = event.fill
        self.notional -= event.fill.notional
        self.fees_paid -= event.fill.fee

    def forget_history(self) -> None:
        """Let go of what no event reads."""
        self.order.fills.clear()
        self.order.busted.clear()
        self.order.requests.clear()

    def row(self) -> OrderRow:
        order, terms = self.order, self.order.terms
        cum = order.cum_quantity
        return OrderRow(
            order_id=order.id,
            account_id=order.account_id,
            client_id=order.client_id,
            client_order_id=order.client_order_id,
            venue_order_id=order.venue_order_id,
            strategy_id=order.strategy_id,
            linked_order_id=order.linked_order_id,
            symbol=terms.symbol,
            side=terms.side,
            type=terms.type,
            quantity=terms.quantity,
            limit_price=terms.limit_price,
            stop_price=terms.stop_price if order.stop_price is None else order.stop_price,
            trailing_offset=terms.trailing_offset,
            time_in_force=terms.time_in_force,
            expire_at=terms.expire_at,
            reduce_only=terms.reduce_only,
            post_only=terms.post_only,
            status=order.status,
            cum_quantity=cum,
            leaves_quantity=order.leaves_quantity,
            average_price=self.notional / cum if cum else None,
            fees_paid=self.fees_paid,
            refusal_code=self.refusal_code,
            reason=self.reason,
            placed_at=order.placed_at,
            updated_at=self.updated_at,
            version=order.version,
            position=self.position,
            notional=self.notional,
            state=STATE.save(order),
        )


class OrdersFold:
    """Folds with the domain's own aggregate, so that a row and the order cannot disagree."""

    def __init__(self) -> None:
        self._orders: dict[str, FoldedOrder] = {}
        self._changed: dict[str, FoldedOrder] = {}
        self._executions: dict[tuple[str, int], ExecutionRow] = {}

    @property
    def known(self) -> int:
        return len(self._orders)

    def wanted(self, facts: Sequence[Fact]) -> Sequence[Wanted]:
        """All orders but those that begin in this page."""
        new = {f.event.originator_id for f in facts if f.event.originator_version == 1}
        touched = {f.event.originator_id for f in facts}
        return [Wanted(ORDERS, touched - new - self._orders.keys())]

    def take(self, loaded: Loaded) -> None:
        for row in loaded.rows(ORDERS):
            order = STATE.restore(row.order_id, row.version, row.state)
            self._orders[row.order_id] = FoldedOrder(order, row)

    def apply(self, fact: Fact) -> None:
        event, position = fact.event, fact.recorded.position
        if not isinstance(event, OrderEvent):
            raise TypeError(f"{fact.recorded.type} in the stream of an order")
        folded = self._orders.get(event.originator_id)
        if folded is None:
            folded = FoldedOrder(Order.empty(event.originator_id))
            self._orders[event.originator_id] = folded
        folded.apply(event, position)
        self._changed[event.originator_id] = folded
        if isinstance(event, OrderFilled):
            self._execute(execution_filled(event, position))
        elif isinstance(event, FillBusted):
            self._execute(execution_busted(event, position))

    def changes(self) -> Sequence[Changes]:
        orders = [folded.row() for folded in self._changed.values()]
        executions = list(self._executions.values())
        for folded in self._changed.values():
            folded.forget_history()
        self._changed, self._executions = {}, {}
        return [Changes(ORDERS, orders), Changes(EXECUTIONS, executions)]

    def _execute(self, row: ExecutionRow) -> None:
        self._executions[row.order_id, row.execution_number] = row


ORDERS_PROJECTION = Projection(
    name="orders",
    version=1,
    categories=frozenset({Order.category}),
    tables=(ORDERS, EXECUTIONS),
    fold=OrdersFold,
    file="orders.sql",
)
