"""What an account believes beside what the venue has."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec

from domain.account.account import Account
from domain.account.position import Position
from domain.decimals import ZERO
from domain.instrument import Instruments
from domain.venue import VenuePosition


class Difference(msgspec.Struct, frozen=True):
    """What to take from the venue, at a version of the account: positions, and balances by asset.

    ``gaps`` is by how much the venue has more: the quantity of each symbol, the cash of each asset.
    """

    account_version: int
    positions: tuple[Position, ...]
    balances: tuple[tuple[str, Decimal], ...]
    gaps: tuple[tuple[str, Decimal], ...]

    def is_like(self, other: "Difference") -> bool:
        """Whether nothing but what both sides know of has happened in between.

        A fill that both have booked moves quantity and cash on both sides by the same.
        """
        return self.gaps == other.gaps


def difference(
    account: Account,
    positions: Sequence[VenuePosition],
    balances: Mapping[str, Decimal],
    instruments: Instruments,
) -> Difference | None:
    """None if they agree. Positions in instruments the core does not know are left out.

    What must agree is the quantity of each position, and of each asset the cash: the balance less
    the cost of the open positions. How much of that is profit realised already depends on the
    order in which trades are counted, which is the venue's own; the account keeps to its own.
    """
    there = _known(positions, instruments)
    differing = tuple(
        found
        for symbol in sorted(there.keys() | account.positions.keys())
        if (found := there.get(symbol) or _none_of(account.positions[symbol])).quantity
        != account.position_quantity(symbol)
    )
    after = {**account.positions, **{found.symbol: found for found in differing}}
    gaps = [
        (found.symbol, found.quantity - account.position_quantity(found.symbol))
        for found in differing
    ]
    amounts = []
    for asset in sorted(account.balances.keys() | balances.keys()):
        cash = balances.get(asset, ZERO) - _cost(there.values(), asset)
        balance = cash + _cost(after.values(), asset)
        if balance != account.balance(asset):
            amounts.append((asset, balance))
        believed = account.balance(asset) - _cost(account.positions.values(), asset)
        if cash != believed:
            gaps.append((asset, cash - believed))
    if not differing and not amounts:
        return None
    return Difference(account.version, differing, tuple(amounts), tuple(gaps))


def _known(positions: Sequence[VenuePosition], instruments: Instruments) -> dict[str, Position]:
    known = {}
    for each in positions:
        instrument = instruments.get(each.symbol)
        if instrument is not None:
            asset = instrument.settlement_asset
            known[each.symbol] = Position(each.symbol, asset, each.quantity, each.cost)
    return known


def _none_of(position: Position) -> Position:
    return Position(position.symbol, position.settlement_asset)


def _cost(positions: Iterable[Position], asset: str) -> Decimal:
    return sum((each.cost for each in positions if each.settlement_asset == asset), ZERO)
