"""What an account believes beside what the venue has."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec

from domain.account.account import Account
from domain.account.position import Position
from domain.decimals import ZERO
from domain.instrument import Instruments
from domain.venue import VenuePosition


class Difference(msgspec.Struct, frozen=True):
    """Where account and venue differ, as the venue has it, at a version of the account.

    Equal differences at two looks are not something that is only under way.
    """

    account_version: int
    positions: tuple[Position, ...]
    balances: tuple[tuple[str, Decimal], ...]


def difference(
    account: Account,
    positions: Sequence[VenuePosition],
    balances: Mapping[str, Decimal],
    instruments: Instruments,
) -> Difference | None:
    """None if they agree. Positions in instruments the core does not know are left out."""
    differing = tuple(
        found
        for found in _found(account, positions, instruments)
        if found.quantity != account.position_quantity(found.symbol)
    )
    assets = sorted(account.balances.keys() | balances.keys())
    amounts = tuple(
        (asset, balances.get(asset, ZERO))
        for asset in assets
        if balances.get(asset, ZERO) != account.balance(asset)
    )
    if not differing and not amounts:
        return None
    return Difference(account.version, differing, amounts)


def _found(
    account: Account, positions: Sequence[VenuePosition], instruments: Instruments
) -> list[Position]:
    """The venue's positions, with none where only the account has one."""
    held = {each.symbol: each for each in positions}
    found = []
    for symbol in sorted(held.keys() | account.positions.keys()):
        instrument = instruments.get(symbol)
        if instrument is None:
            continue
        there = held.get(symbol) or VenuePosition(symbol, ZERO, ZERO)
        found.append(Position(symbol, instrument.settlement_asset, there.quantity, there.cost))
    return found
