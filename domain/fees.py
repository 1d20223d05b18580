"""Maker and taker fees: one schedule for sizing, controls, matching and profit."""

from decimal import Decimal
from enum import StrEnum

import msgspec

from domain.decimals import ZERO, money_up


class Liquidity(StrEnum):
    MAKER = "maker"
    TAKER = "taker"


class FeeSchedule(msgspec.Struct, frozen=True, gc=False):
    """Rates as fractions of notional (0.0004 is 4 basis points); a negative maker rate is a rebate.

    ``asset`` is the currency fees are charged in, None for the instrument's settlement asset.
    """

    maker: Decimal
    taker: Decimal
    asset: str | None = None

    def fee(self, notional: Decimal, liquidity: Liquidity) -> Decimal:
        """The fee on a notional, in the settlement asset; rounded up, as venues charge."""
        rate = self.maker if liquidity is Liquidity.MAKER else self.taker
        return money_up(notional * rate)

    def worst_case(self, notional: Decimal) -> Decimal:
        """The most that trading ``notional`` can cost in fees."""
        return money_up(notional * max(self.maker, self.taker, ZERO))
