"""The venue port: what the core asks of an exchange, and what an exchange tells it.

Outcomes are typed: Accepted and Rejected are the venue's word; Ambiguous means that the request
may have been executed, now or later, and only the venue's own records can tell.
"""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

import msgspec

from domain.fees import Liquidity
from domain.order.terms import OrderTerms


class VenueOrder(msgspec.Struct, frozen=True):
    """An order as it is sent. ``linked_client_order_id`` names the other leg of an OCO pair."""

    client_order_id: str
    account_id: str
    terms: OrderTerms
    linked_client_order_id: str | None = None


class Accepted(msgspec.Struct, frozen=True, tag=True):
    venue_order_id: str
    at: datetime


class Rejected(msgspec.Struct, frozen=True, tag=True):
    """Surely not executed. ``code`` is stable, ``reason`` the venue's own words."""

    code: str
    reason: str
    at: datetime


class Ambiguous(msgspec.Struct, frozen=True, tag=True):
    reason: str


Outcome = Accepted | Rejected | Ambiguous


class FillReport(msgspec.Struct, frozen=True, tag=True):
    """One execution. ``trade_id`` is unique per account and symbol; a rebate is a negative fee."""

    client_order_id: str
    venue_order_id: str
    account_id: str
    symbol: str
    trade_id: str
    quantity: Decimal
    price: Decimal
    liquidity: Liquidity
    fee: Decimal
    fee_asset: str
    at: datetime


class CancelReport(msgspec.Struct, frozen=True, tag=True):
    """The order is off the book, with ``reason``: user, ioc, fok, oco, post_only, reduce_only."""

    client_order_id: str
    venue_order_id: str
    account_id: str
    reason: str
    at: datetime


class ExpireReport(msgspec.Struct, frozen=True, tag=True):
    """A gtd order reached its time."""

    client_order_id: str
    venue_order_id: str
    account_id: str
    at: datetime


class TriggerReport(msgspec.Struct, frozen=True, tag=True):
    """A stop or take-profit reached its price and is now live on the book."""

    client_order_id: str
    venue_order_id: str
    account_id: str
    price: Decimal
    at: datetime


class StopMovedReport(msgspec.Struct, frozen=True, tag=True):
    """A trailing stop moved to ``stop_price``."""

    client_order_id: str
    venue_order_id: str
    account_id: str
    stop_price: Decimal
    at: datetime


Report = FillReport | CancelReport | ExpireReport | TriggerReport | StopMovedReport


class Amendment(msgspec.Struct, frozen=True, omit_defaults=True):
    """New values for a working order; None leaves the present one."""

    quantity: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None


class OpenOrder(msgspec.Struct, frozen=True):
    """A working order as the venue sees it."""

    client_order_id: str
    venue_order_id: str
    account_id: str
    terms: OrderTerms
    cum_quantity: Decimal


class VenueStatus(StrEnum):
    """What a venue says of an order it has, or had, on its books."""

    WORKING = "working"
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class OrderState(msgspec.Struct, frozen=True):
    """One order in the venue's own records, working or ended; ``reason`` says why it ended."""

    client_order_id: str
    venue_order_id: str
    account_id: str
    status: VenueStatus
    cum_quantity: Decimal
    reason: str
    at: datetime


class VenueUnavailable(Exception):
    """The venue did not answer a question. It says nothing about what the answer would be."""


class Venue(Protocol):
    """Requests answer with a typed outcome, never an exception; they may take any time.

    Questions (open_orders, find_order, fills_since) raise VenueUnavailable.
    """

    name: str

    async def submit(self, order: VenueOrder) -> Outcome: ...

    async def amend(self, account_id: str, client_order_id: str, change: Amendment) -> Outcome: ...

    async def cancel(self, account_id: str, client_order_id: str) -> Outcome: ...

    async def open_orders(self, account_id: str) -> Sequence[OpenOrder]: ...

    async def find_order(self, account_id: str, client_order_id: str) -> OrderState | None:
        """The newest order under a client id; None only if the venue says it has none."""
        ...

    async def fills_since(self, account_id: str, at: datetime) -> Sequence[FillReport]: ...

    def reports(self) -> AsyncGenerator[Report]:
        """Reports from the time of the call on, in the order the venue made them."""
        ...
