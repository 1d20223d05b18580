"""The table orders: every order that was decided on, as it stands."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from domain.decimals import ZERO
from domain.event import Event
from domain.log import RecordedEvent
from domain.order.events import (
    OrderAbandoned,
    OrderCancelled,
    OrderEvent,
    OrderPlaced,
    OrderRefused,
    OrderRejected,
    OrderUnknown,
    OrderWithheld,
)
from domain.order.order import Order
from domain.order.status import Ending
from replay.verify.live_tables import Row
from replay.verify.tables.table import Table


class Told(msgspec.Struct):
    """An order, and what its events gave as reasons."""

    order: Order
    position: int = 0
    code: str | None = None
    reason: str | None = None

    def explain(self, event: Event) -> None:
        """The reason of a doubt is gone with the doubt; others stand until the next."""
        match event:
            case OrderRefused():
                failed = [verdict for verdict in event.verdicts if not verdict.passed]
                self.code = event.code
                self.reason = failed[0].message if failed else None
            case OrderRejected() | OrderWithheld():
                self.code, self.reason = event.code, event.reason
            case OrderCancelled() | OrderUnknown():
                self.reason = event.reason
            case _:
                pass


class OrdersFold:
    """Holds every order with its fills."""

    category = Order.category

    def __init__(self) -> None:
        self._orders = Table("orders", ("order_id",), _row)
        self.tables = (self._orders,)

    def apply(self, recorded: RecordedEvent, event: Event) -> None:
        if not isinstance(event, OrderEvent):
            raise TypeError(f"{recorded.type} in the stream of an order")
        key = (event.originator_id,)
        told = self._orders.items.get(key) or _undecided(event)
        was_unknown = told.order.unknown
        event.mutate(told.order)
        told.position = recorded.position
        if was_unknown and not told.order.unknown:
            told.reason = None
        told.explain(event)
        told.order.verdicts = ()  # no row shows them, and they are most of an order's memory
        if told.order.ending is not Ending.ABANDONED:  # that is no order: it has no terms
            self._orders.items[key] = told


def _undecided(first: OrderEvent) -> Told:
    if not isinstance(first, OrderPlaced | OrderRefused | OrderAbandoned):
        raise ValueError(f"nothing was decided on order {first.originator_id} before")
    return Told(Order.empty(first.originator_id))


def _row(told: Told) -> Row:
    order = told.order
    return {
        "order_id": order.id,
        "account_id": order.account_id,
        "client_id": order.client_id,
        "client_order_id": order.client_order_id,
        "venue_order_id": order.venue_order_id,
        "strategy_id": order.strategy_id,
        "linked_order_id": order.linked_order_id,
        **_terms(order),
        "status": order.status.value,
        "cum_quantity": order.cum_quantity,
        "leaves_quantity": order.leaves_quantity,
        "average_price": order.average_price,
        "fees_paid": _fees(order),
        "refusal_code": told.code,
        "reason": told.reason,
        "placed_at": order.placed_at,
        "updated_at": order.modified_on,
        "version": order.version,
        "position": told.position,
    }


def _terms(order: Order) -> Mapping[str, object]:
    terms = order.terms
    return {
        "symbol": terms.symbol,
        "side": terms.side.value,
        "type": terms.type.value,
        "quantity": terms.quantity,
        "limit_price": terms.limit_price,
        "stop_price": terms.stop_price if order.stop_price is None else order.stop_price,
        "trailing_offset": terms.trailing_offset,
        "time_in_force": terms.time_in_force.value,
        "expire_at": terms.expire_at,
        "reduce_only": terms.reduce_only,
        "post_only": terms.post_only,
    }


def _fees(order: Order) -> Decimal:
    """Of the fills that stand."""
    return sum((fill.fee for fill in order.fills.values()), ZERO)
