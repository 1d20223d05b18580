"""What a use case answers."""

import msgspec

from domain.order.status import OrderStatus
from domain.risk.verdict import Verdict


class Done(msgspec.Struct, frozen=True):
    """``id`` of what was changed, and a log position from which reads show it."""

    id: str
    position: int


class PlacedOrder(msgspec.Struct, frozen=True):
    """The decision on a new order. A refused one names its code and the verdicts that failed."""

    order_id: str
    status: OrderStatus
    position: int
    verdicts: tuple[Verdict, ...]
    code: str | None = None
    linked_order_id: str | None = None
