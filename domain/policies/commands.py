"""What policies ask for: changes of an account that follow from an order's events."""

from decimal import Decimal

import msgspec

from domain.account.account import Execution


class SettleFill(msgspec.Struct, frozen=True):
    """Move a fill from reservation to position."""

    account_id: str
    execution: Execution


class ReverseFill(msgspec.Struct, frozen=True):
    """Take a busted fill back; ``execution`` is the fill under the bust's number."""

    account_id: str
    execution: Execution


class ReleaseReservation(msgspec.Struct, frozen=True):
    """Free what is still reserved for an order that has ended."""

    account_id: str
    order_id: str
    reason: str


class ResizeReservation(msgspec.Struct, frozen=True):
    """Reserve what an order needs on the terms the venue holds now."""

    account_id: str
    order_id: str
    order_version: int
    quantity: Decimal
    worst_price: Decimal


class FlagOcoBothFilled(msgspec.Struct, frozen=True):
    """Tell that both legs of an OCO pair were executed; ``quantity`` is what was on both."""

    account_id: str
    order_id: str
    linked_order_id: str
    quantity: Decimal


AccountCommand = (
    SettleFill | ReverseFill | ReleaseReservation | ResizeReservation | FlagOcoBothFilled
)
