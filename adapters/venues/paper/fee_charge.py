"""What an execution costs, and in which asset."""

from collections.abc import Callable
from decimal import Decimal

from domain.decimals import money_up
from domain.fees import FeeSchedule, Liquidity
from domain.instrument import Instrument, Instruments
from domain.market_data import Quote


class FeeCharge:
    """Charges by a schedule; converts into its asset at the mid of that asset's quote.

    Where that asset has no instrument or no usable quote, the settlement asset is charged.
    """

    def __init__(
        self,
        schedule: FeeSchedule,
        instruments: Instruments,
        quote_of: Callable[[str], Quote | None],
    ) -> None:
        self._schedule = schedule
        self._quote_of = quote_of
        self._symbols = {
            instrument.quote_asset: instrument.symbol
            for instrument in instruments.all()
            if instrument.base_asset == schedule.asset
        }

    def on(
        self, instrument: Instrument, notional: Decimal, liquidity: Liquidity
    ) -> tuple[Decimal, str]:
        """The fee on a notional, and its asset."""
        fee = self._schedule.fee(notional, liquidity)
        settlement = instrument.settlement_asset
        asset = self._schedule.asset
        quote = self._quote_of(self._symbols.get(settlement, ""))
        if asset is None or asset == settlement or quote is None:
            return fee, settlement
        return money_up(fee / quote.mid), asset
