"""What one account owns at the venue."""

from decimal import Decimal

import msgspec

from adapters.venues.paper.entry import Busted, Transferred
from domain.account.position import Position
from domain.decimals import ZERO
from domain.order.terms import Side
from domain.venue import FillReport


class WalletState(msgspec.Struct, frozen=True):
    """Everything a wallet holds, comparable and serialisable."""

    account_id: str
    balances: dict[str, Decimal]
    positions: dict[str, Position]
    transfers: dict[str, tuple[str, Decimal]]


class Wallet:
    """Balances by asset, open positions at their exact cost, and the transfers that were made.

    A balance is transfers + realised profit − fees; profit is reckoned as the core does it.
    """

    def __init__(self) -> None:
        self.balances: dict[str, Decimal] = {}
        self.positions: dict[str, Position] = {}
        self.transfers: dict[str, tuple[str, Decimal]] = {}

    @classmethod
    def of(cls, state: WalletState) -> "Wallet":
        wallet = cls()
        wallet.balances = dict(state.balances)
        wallet.positions = dict(state.positions)
        wallet.transfers = dict(state.transfers)
        return wallet

    def state(self, account_id: str) -> WalletState:
        return WalletState(
            account_id, dict(self.balances), dict(self.positions), dict(self.transfers)
        )

    def quantity(self, symbol: str) -> Decimal:
        """Above zero when long."""
        position = self.positions.get(symbol)
        return position.quantity if position else ZERO

    def transfer(self, transferred: Transferred) -> None:
        self._credit(transferred.asset, transferred.amount)
        self.transfers[transferred.transfer_id] = (transferred.asset, transferred.amount)

    def fill(self, fill: FillReport, side: Side, settlement_asset: str) -> None:
        self._trade(fill, side, settlement_asset)
        self._credit(fill.fee_asset, -fill.fee)

    def bust(self, busted: Busted) -> None:
        """The opposite trade at the same price, and its fee returned."""
        self._trade(busted.fill, busted.side.opposite, busted.settlement_asset)
        self._credit(busted.fill.fee_asset, busted.fill.fee)

    def _trade(self, fill: FillReport, side: Side, settlement_asset: str) -> None:
        before = self.positions.pop(fill.symbol, None) or Position(fill.symbol, settlement_asset)
        after, profit = before.traded(side, fill.quantity, fill.price)
        self._credit(before.settlement_asset, profit)
        if after.quantity:
            self.positions[fill.symbol] = after

    def _credit(self, asset: str, amount: Decimal) -> None:
        self.balances[asset] = self.balances.get(asset, ZERO) + amount
