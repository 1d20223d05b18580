"""What the venue's journal is made of: accepted requests, and everything that came of them."""

from datetime import datetime
from decimal import Decimal

import msgspec

from domain.order.terms import OrderTerms, Side
from domain.venue import (
    BustReport,
    CancelReport,
    ExpireReport,
    FillReport,
    OrderReport,
    StopMovedReport,
    TriggerReport,
    VenueOrder,
)


class Opened(msgspec.Struct, frozen=True, tag=True):
    """An order was accepted. ``settlement_asset`` is None in entries from before it was kept."""

    order: VenueOrder
    venue_order_id: str
    at: datetime
    settlement_asset: str | None = None

    @property
    def account_id(self) -> str:
        return self.order.account_id

    @property
    def client_order_id(self) -> str:
        return self.order.client_order_id


class Amended(msgspec.Struct, frozen=True, tag=True):
    """A working order has new ``terms``; where it does not keep its priority it queues anew."""

    client_order_id: str
    venue_order_id: str
    account_id: str
    terms: OrderTerms
    keeps_priority: bool
    at: datetime


class Busted(msgspec.Struct, frozen=True, tag=True):
    """An execution was taken back: ``fill``, of an order of that ``side``."""

    fill: FillReport
    side: Side
    settlement_asset: str
    reason: str
    at: datetime

    @property
    def account_id(self) -> str:
        return self.fill.account_id

    @property
    def client_order_id(self) -> str:
        return self.fill.client_order_id

    @property
    def venue_order_id(self) -> str:
        return self.fill.venue_order_id

    def as_report(self) -> BustReport:
        return BustReport(
            client_order_id=self.fill.client_order_id,
            venue_order_id=self.fill.venue_order_id,
            account_id=self.fill.account_id,
            symbol=self.fill.symbol,
            trade_id=self.fill.trade_id,
            reason=self.reason,
            at=self.at,
        )


class Transferred(msgspec.Struct, frozen=True, tag=True):
    """Money came to an account (``amount`` above zero) or left it, once per ``transfer_id``."""

    account_id: str
    transfer_id: str
    asset: str
    amount: Decimal
    at: datetime

    @property
    def client_order_id(self) -> str:
        """It is about no order."""
        return ""


OrderEntry = (
    Opened
    | Amended
    | FillReport
    | CancelReport
    | ExpireReport
    | TriggerReport
    | StopMovedReport
    | Busted
)
Entry = OrderEntry | Transferred

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)


def encode(entry: Entry) -> str:
    """The entry as one JSON object; ``type`` names its class."""
    return _encoder.encode(entry).decode()


def decode(text: str | bytes) -> Entry:
    """Raises msgspec.DecodeError for what ``encode`` did not write."""
    return _decoder.decode(text)


def as_report(entry: Entry) -> OrderReport | None:
    """What subscribers hear of it; requests are answered to their sender only."""
    match entry:
        case Opened() | Amended() | Transferred():
            return None
        case Busted():
            return entry.as_report()
        case _:
            return entry
