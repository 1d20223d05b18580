"""Requests about orders."""

import msgspec

from domain.order.terms import OrderTerms
from domain.venue import Amendment


class PlaceOrder(msgspec.Struct, frozen=True):
    """``client_order_id`` is the client's own name for the order; it need not be unique."""

    account_id: str
    terms: OrderTerms
    client_order_id: str | None = None
    strategy_id: str | None = None


class AmendOrder(msgspec.Struct, frozen=True):
    """``request_id`` makes a repeated request the same amendment."""

    order_id: str
    request_id: str
    amendment: Amendment


class CancelOrder(msgspec.Struct, frozen=True):
    """``request_id`` makes a repeated request the same cancel."""

    order_id: str
    request_id: str
    reason: str
