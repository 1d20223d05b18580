"""A fill: one execution of an order at the venue."""

from datetime import datetime
from decimal import Decimal

import msgspec

from domain.fees import Liquidity


class Fill(msgspec.Struct, frozen=True, gc=False):
    """``number`` counts the order's executions from 1, ``trade_id`` is the venue's."""

    number: int
    trade_id: str
    quantity: Decimal
    price: Decimal
    liquidity: Liquidity
    fee: Decimal
    fee_asset: str
    executed_at: datetime

    @property
    def notional(self) -> Decimal:
        return self.quantity * self.price
