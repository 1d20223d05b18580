"""What the venue's journal is made of: accepted requests, and everything that came of them."""

from datetime import datetime

import msgspec

from domain.order.terms import OrderTerms
from domain.venue import (
    CancelReport,
    ExpireReport,
    FillReport,
    Report,
    StopMovedReport,
    TriggerReport,
    VenueOrder,
)


class Opened(msgspec.Struct, frozen=True, tag=True):
    """An order was accepted."""

    order: VenueOrder
    venue_order_id: str
    at: datetime

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


Entry = (
    Opened | Amended | FillReport | CancelReport | ExpireReport | TriggerReport | StopMovedReport
)

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)


def encode(entry: Entry) -> str:
    """The entry as one JSON object; ``type`` names its class."""
    return _encoder.encode(entry).decode()


def decode(text: str | bytes) -> Entry:
    """Raises msgspec.DecodeError for what ``encode`` did not write."""
    return _decoder.decode(text)


def as_report(entry: Entry) -> Report | None:
    """What subscribers hear of it; requests are answered to their sender only."""
    return None if isinstance(entry, Opened | Amended) else entry
