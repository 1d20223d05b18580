"""Instruments and the venue's own filters on prices and quantities."""

from decimal import Decimal
from typing import Protocol

import msgspec

from domain.decimals import ZERO, is_multiple


class Instrument(msgspec.Struct, frozen=True):
    """A linear contract: profit and fees settle in ``settlement_asset``.

    Prices are in the quote asset, quantities in the base asset; filters are the venue's
    (Binance USD-M ``exchangeInfo``: PRICE_FILTER, LOT_SIZE, MARKET_LOT_SIZE, MIN_NOTIONAL).
    """

    symbol: str
    base_asset: str
    quote_asset: str
    settlement_asset: str
    tick_size: Decimal
    min_price: Decimal
    max_price: Decimal
    lot_size: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    market_max_quantity: Decimal
    min_notional: Decimal
    trading: bool = True

    def is_on_tick(self, price: Decimal) -> bool:
        """Ticks count from zero: Binance's ``price % tickSize == 0``; a size of zero is no rule."""
        return self.tick_size == ZERO or is_multiple(price, self.tick_size)

    def is_on_lot(self, quantity: Decimal) -> bool:
        """Lots count from the minimum quantity: ``(quantity - minQty) % stepSize == 0``."""
        return is_multiple(quantity - self.min_quantity, self.lot_size)

    def admits_price(self, price: Decimal) -> bool:
        """A bound of zero is not enforced, as the venue documents it."""
        if self.min_price > ZERO and price < self.min_price:
            return False
        return self.max_price <= ZERO or price <= self.max_price


class Instruments(Protocol):
    """What can be traded, by symbol."""

    def get(self, symbol: str) -> Instrument | None: ...

    def all(self) -> tuple[Instrument, ...]: ...
