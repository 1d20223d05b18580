"""Orders, their timelines and executions as they are answered."""

from typing import Any

from api.documents.fields import Decimal, Document, Done, Id, LogPosition, Time
from domain.fees import Liquidity
from domain.order.status import OrderStatus
from domain.order.terms import OrderType, Side, TimeInForce


class OrderDocument(Document):
    """``stop_price`` of a trailing stop is where it stands now."""

    order_id: Id
    account_id: Id
    client_id: str
    client_order_id: str
    venue_order_id: str | None
    strategy_id: str | None
    linked_order_id: Id | None
    symbol: str
    side: Side
    type: OrderType
    quantity: Decimal
    limit_price: Decimal | None
    stop_price: Decimal | None
    trailing_offset: Decimal | None
    time_in_force: TimeInForce
    expire_at: Time | None
    reduce_only: bool
    post_only: bool
    status: OrderStatus
    cum_quantity: Decimal
    leaves_quantity: Decimal
    average_price: Decimal | None
    fees_paid: Decimal
    refusal_code: str | None
    reason: str | None
    placed_at: Time
    updated_at: Time
    version: int
    position: LogPosition


class TimelineDocument(Document):
    """One event of an order; ``data`` is the event itself."""

    version: int
    position: LogPosition
    type: str
    occurred_at: Time
    recorded_at: Time
    actor: str
    correlation_id: str
    data: dict[str, Any]


class ExecutionDocument(Document):
    order_id: Id
    execution_number: int
    account_id: Id
    symbol: str
    side: Side
    trade_id: str
    quantity: Decimal
    price: Decimal
    liquidity: Liquidity
    fee: Decimal
    fee_asset: str
    busted: bool
    executed_at: Time
    position: LogPosition


class OrderPlaced(Done):
    """``linked_order_id`` is the other leg of an oco pair."""

    order_id: Id
    status: OrderStatus
    linked_order_id: Id | None


class OrderChangeRequested(Done):
    order_id: Id
    request_id: Id
