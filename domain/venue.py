"""The venue port: what the core asks of an exchange, and what an exchange tells it.

Outcomes are typed: Accepted and Rejected are the venue's word; Ambiguous means that the request
may have been executed, now or later, and only the venue's own records can tell.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

import msgspec

from domain.fees import Liquidity
from domain.instrument import Instrument
from domain.order.terms import OrderTerms


class SendWindow(msgspec.Struct, frozen=True):
    """When a request was made, and how long it may take to arrive (Binance ``recvWindow``).

    The venue checks both on its own clock and rejects what comes outside, so "not found" is final
    once its clock is past ``valid_until``.
    """

    sent_at: datetime
    valid_until: datetime


class VenueOrder(msgspec.Struct, frozen=True):
    """An order as it is sent. ``linked_client_order_id`` names the other leg of an OCO pair."""

    client_order_id: str
    account_id: str
    terms: OrderTerms
    linked_client_order_id: str | None = None
    window: SendWindow | None = None


class Accepted(msgspec.Struct, frozen=True, tag=True):
    venue_order_id: str
    at: datetime


class Rejected(msgspec.Struct, frozen=True, tag=True):
    """Surely not executed. ``code`` is stable, ``reason`` the venue's own words."""

    code: str
    reason: str
    at: datetime


class Ambiguous(msgspec.Struct, frozen=True, tag=True):
    """No answer, or none that can be trusted; ``raw`` is what could not be read."""

    reason: str
    raw: str | None = None


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


class CancelReport(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """The order is off the book, with ``reason``: user, ioc, fok, oco, post_only, reduce_only.

    ``cum_quantity`` is what was executed of it in all, None where the venue did not say.
    """

    client_order_id: str
    venue_order_id: str
    account_id: str
    reason: str
    at: datetime
    cum_quantity: Decimal | None = None


class ExpireReport(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """A gtd order reached its time. ``cum_quantity`` as in CancelReport."""

    client_order_id: str
    venue_order_id: str
    account_id: str
    at: datetime
    cum_quantity: Decimal | None = None


EndReport = CancelReport | ExpireReport


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


class BustReport(msgspec.Struct, frozen=True, tag=True):
    """The venue takes an execution back (FIX ExecType H, trade cancel)."""

    client_order_id: str
    venue_order_id: str
    account_id: str
    symbol: str
    trade_id: str
    reason: str
    at: datetime


OrderReport = (
    FillReport | CancelReport | ExpireReport | TriggerReport | StopMovedReport | BustReport
)


class StreamGap(msgspec.Struct, frozen=True, tag=True):
    """Reports made after ``since`` may be missing: they must be asked for."""

    since: datetime


class UnreadableReport(msgspec.Struct, frozen=True, tag=True):
    """Something came that is no report: ``raw`` is all of it, ``reason`` why it cannot be one."""

    raw: str
    reason: str
    at: datetime


Report = OrderReport | StreamGap | UnreadableReport


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
    """One order in the venue's own records, working or ended; ``reason`` says why it ended.

    ``terms`` are those it has now, with every amendment the venue took.
    """

    client_order_id: str
    venue_order_id: str
    account_id: str
    status: VenueStatus
    cum_quantity: Decimal
    reason: str
    at: datetime
    terms: OrderTerms


class Absent(msgspec.Struct, frozen=True):
    """The venue's word, at its own time ``at``, that it has no such order."""

    at: datetime


class VenuePosition(msgspec.Struct, frozen=True):
    """An open position: quantity above zero when long, ``cost`` its signed value at entry."""

    symbol: str
    quantity: Decimal
    cost: Decimal


class VenueHealth(msgspec.Struct, frozen=True):
    """``trading`` is false in maintenance; ``at`` is the venue's clock."""

    trading: bool
    at: datetime


class Capabilities(msgspec.Struct, frozen=True):
    """What the venue does by itself; what it does not, the core's policies do."""

    linked_orders: bool
    good_till_date: bool
    trailing_stops: bool


class VenueUnavailable(Exception):
    """The venue did not answer a question. It says nothing about what the answer would be."""


class UnreadableAnswer(VenueUnavailable):
    """A question was answered with something that is no answer: ``raw`` is all of it."""

    def __init__(self, reason: str, raw: str) -> None:
        super().__init__(reason)
        self.raw = raw


class Venue(Protocol):
    """Requests answer with a typed outcome, never an exception; they may take any time.

    Questions raise VenueUnavailable. Every venue passes ``tests/contract/test_venue.py``.
    """

    name: str
    capabilities: Capabilities

    async def submit(self, order: VenueOrder) -> Outcome: ...

    async def amend(
        self,
        account_id: str,
        client_order_id: str,
        change: Amendment,
        window: SendWindow | None = None,
    ) -> Outcome: ...

    async def cancel(self, account_id: str, client_order_id: str) -> Outcome: ...

    async def open_orders(self, account_id: str) -> Sequence[OpenOrder]: ...

    async def find_order(self, account_id: str, client_order_id: str) -> OrderState | Absent:
        """The newest order under a client id, among open orders and history."""
        ...

    async def find_venue_order(self, account_id: str, venue_order_id: str) -> OrderState | Absent:
        """The order under the venue's own id."""
        ...

    async def fills_since(self, account_id: str, at: datetime) -> Sequence[FillReport]:
        """Every fill of the account made at or after ``at``, busted ones left out."""
        ...

    async def positions(self, account_id: str) -> Sequence[VenuePosition]: ...

    async def balances(self, account_id: str) -> Mapping[str, Decimal]:
        """Wallet balance by asset: transfers, realised profit and fees, nothing unrealised."""
        ...

    async def instruments(self) -> Sequence[Instrument]: ...

    async def status(self) -> VenueHealth: ...

    def reports(self) -> AsyncGenerator[Report]:
        """Reports from the time of the call on, in the order the venue made them."""
        ...
