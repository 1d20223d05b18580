"""A reservation: the money one working order can need at its worst."""

from decimal import Decimal

import msgspec

from domain.decimals import ZERO, money_up
from domain.fees import FeeSchedule
from domain.order.terms import Side


class Reservation(msgspec.Struct, frozen=True, gc=False):
    """``quantity`` is what can still fill, ``price`` the worst it can fill at, in settlement asset.

    A reduce-only order can only give margin back, so it reserves nothing but its fees.
    ``order_version`` is the version of the order's stream that is accounted for: what an older
    event asks for has been done, or overtaken.
    """

    order_id: str
    symbol: str
    settlement_asset: str
    side: Side
    quantity: Decimal
    price: Decimal
    reduce_only: bool
    amount: Decimal
    order_version: int = 0

    @property
    def opening_quantity(self) -> Decimal:
        return ZERO if self.reduce_only else self.quantity


def worst_case_amount(
    quantity: Decimal,
    price: Decimal,
    *,
    margin_rate: Decimal,
    fees: FeeSchedule,
    reduce_only: bool,
) -> Decimal:
    """Initial margin on the notional plus the highest fee, rounded up to MONEY_STEP."""
    notional = quantity * price
    margin = ZERO if reduce_only else money_up(notional * margin_rate)
    return margin + fees.worst_case(notional)
