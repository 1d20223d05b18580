"""Release: an order that has ended holds no money; an amended one holds what it needs now."""

from collections.abc import Iterator

from domain.event import Event
from domain.order.events import (
    OrderAbandoned,
    OrderAmendAbandoned,
    OrderAmended,
    OrderAmendRejected,
    OrderCancelled,
    OrderEvent,
    OrderExpired,
    OrderRefused,
    OrderRejected,
    OrderWithheld,
)
from domain.policies.commands import AccountCommand, ReleaseReservation, ResizeReservation

_ENDINGS: dict[type[OrderEvent], str] = {
    OrderRefused: "refused",
    OrderWithheld: "withheld",
    OrderAbandoned: "abandoned",
    OrderRejected: "rejected",
    OrderCancelled: "cancelled",
    OrderExpired: "expired",
}


def release(event: Event) -> Iterator[AccountCommand]:
    """An order's last fill releases by being settled."""
    if isinstance(event, OrderEvent) and type(event) in _ENDINGS:
        yield ReleaseReservation(event.account_id, event.originator_id, _ENDINGS[type(event)])
    elif isinstance(event, OrderAmended | OrderAmendRejected | OrderAmendAbandoned):
        yield ResizeReservation(
            account_id=event.account_id,
            order_id=event.originator_id,
            order_version=event.originator_version,
            quantity=event.leaves_quantity,
            worst_price=event.worst_price,
        )
