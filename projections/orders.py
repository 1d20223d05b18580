"""Orders as they are now, and their executions."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from domain.decimals import ZERO
from domain.order.events import (
    FillBusted,
    OrderAbandoned,
    OrderCancelled,
    OrderEvent,
    OrderFilled,
    OrderRefused,
    OrderRejected,
    OrderUnknown,
    OrderWithheld,
)
from domain.order.order import Order
from projections.executions import EXECUTIONS, ExecutionRow, execution_busted, execution_filled
from projections.kept_state import KeptState
from projections.projection import Changes, Fact, Loaded, Projection, Wanted
from projections.table import Table

STATE = KeptState(
    Order,
    in_row=(
        "account_id",
        "client_id",
        "client_order_id",
        "venue_order_id",
        "strategy_id",
        "linked_order_id",
        "cum_quantity",
        "placed_at",
    ),
    without=(
        *("fills", "busted", "requests", "verdicts"),
        *("placed_terms", "correlation_id", "settlement_asset", "submitted_at", "valid_until"),
    ),
)


class OrderRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """``notional`` is the sum of quantity × price over the fills that stand; ``state`` is what the
    domain's own fold goes on from. ``fees_paid`` is in the asset the account pays fees in."""

    order_id: str
    account_id: str
    client_id: str
    client_order_id: str
    venue_order_id: str | None = None
    strategy_id: str | None = None
    linked_order_id: str | None = None
    symbol: str
    side: str
    type: str
    quantity: Decimal
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trailing_offset: Decimal | None = None
    time_in_force: str
    expire_at: datetime | None = None
    reduce_only: bool
    post_only: bool
    status: str
    cum_quantity: Decimal
    leaves_quantity: Decimal
    average_price: Decimal | None = None
    fees_paid: Decimal
    refusal_code: str | None = None
    reason: str | None = None
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

    __slots__ = ("fees_paid", "notional", "order", "position", "reason", "refusal_code")

    def __init__(self, order: Order, row: OrderRow | None = None) -> None:
        self.order = order
        self.fees_paid = row.fees_paid if row else ZERO
        self.notional = row.notional if row else ZERO
        self.refusal_code = row.refusal_code if row else None
        self.reason = row.reason if row else None
        self.position = 0

    def apply(self, event: OrderEvent, position: int) -> None:
        was_unknown = self.order.unknown
        if isinstance(event, FillBusted):
            # The fills of earlier pages are not kept; the bust tells the one that it needs.
            self.order.fills[event.fill.trade_id] = event.fill
        event.mutate(self.order)
        if was_unknown and not self.order.unknown:
            self.reason = None
        explain = _EXPLAIN.get(type(event))
        if explain is not None:
            explain(self, event)
        self.position = position

    def forget_history(self) -> None:
        """Let go of what no event reads."""
        order = self.order
        order.verdicts = ()
        order.fills.clear()
        order.busted.clear()
        order.requests.clear()

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
            updated_at=order.modified_on,
            version=order.version,
            position=self.position,
            notional=self.notional,
            state=STATE.save(order),
        )


def _fill(folded: FoldedOrder, event: OrderFilled) -> None:
    folded.notional += event.quantity * event.price
    folded.fees_paid += event.fee


def _bust(folded: FoldedOrder, event: FillBusted) -> None:
    folded.notional -= event.fill.notional
    folded.fees_paid -= event.fill.fee


def _refuse(folded: FoldedOrder, event: OrderRefused) -> None:
    folded.refusal_code = event.code
    folded.reason = next((v.message for v in event.verdicts if not v.passed), None)


def _reject(folded: FoldedOrder, event: OrderRejected | OrderWithheld) -> None:
    folded.refusal_code, folded.reason = event.code, event.reason


def _give_reason(folded: FoldedOrder, event: OrderCancelled | OrderUnknown) -> None:
    folded.reason = event.reason


_EXPLAIN: dict[type[OrderEvent], Callable[[FoldedOrder, Any], None]] = {
    OrderFilled: _fill,
    FillBusted: _bust,
    OrderRefused: _refuse,
    OrderRejected: _reject,
    OrderWithheld: _reject,
    OrderCancelled: _give_reason,
    OrderUnknown: _give_reason,
}


class OrdersFold:
    """Folds with the domain's own aggregate, so that a row and the order cannot disagree.

    Orders that have ended are let go one page later than they changed: by then their rows are in
    the database, should there be more to come.
    """

    def __init__(self) -> None:
        self._orders: dict[str, FoldedOrder] = {}
        self._changed: dict[str, FoldedOrder] = {}
        self._ended: list[str] = []
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
            order = STATE.restore(row.order_id, row, row.state)
            order.version = row.version
            self._orders[row.order_id] = FoldedOrder(order, row)

    def apply(self, fact: Fact) -> None:
        event, position = fact.event, fact.recorded.position
        if not isinstance(event, OrderEvent):
            raise TypeError(f"{fact.recorded.type} in the stream of an order")
        folded = self._orders.get(event.originator_id)
        if folded is None:
            folded = FoldedOrder(Order.empty(event.originator_id))
        folded.apply(event, position)
        if isinstance(event, OrderAbandoned):
            return  # nobody ever saw this order: it has no terms, and makes no row
        self._orders[event.originator_id] = self._changed[event.originator_id] = folded
        self._take_execution(event, position)

    def changes(self) -> Sequence[Changes]:
        orders = [folded.row() for folded in self._changed.values()]
        executions = list(self._executions.values())
        self._let_go()
        self._changed, self._executions = {}, {}
        return [Changes(ORDERS, orders), Changes(EXECUTIONS, executions)]

    def _let_go(self) -> None:
        for order_id in self._ended:
            if order_id not in self._changed:
                del self._orders[order_id]
        for folded in self._changed.values():
            folded.forget_history()
        self._ended = [
            order_id for order_id, folded in self._changed.items() if not folded.order.is_live
        ]

    def _take_execution(self, event: OrderEvent, position: int) -> None:
        if isinstance(event, OrderFilled):
            row = execution_filled(event, position)
        elif isinstance(event, FillBusted):
            row = execution_busted(event, position)
        else:
            return
        self._executions[row.order_id, row.execution_number] = row


ORDERS_PROJECTION = Projection(
    name="orders",
    version=2,
    categories=frozenset({Order.category}),
    tables=(ORDERS, EXECUTIONS),
    fold=OrdersFold,
    file="orders.sql",
)
