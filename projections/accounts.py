"""Accounts with their balances, positions and reservations as they are now."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from domain.account.account import Account
from domain.account.events import (
    AccountEvent,
    AccountOpened,
    BalanceAdjusted,
    FundsDeposited,
    FundsReserved,
    FundsWithdrawn,
    PositionAdjusted,
    ReservationChanged,
    ReservationReleased,
    Settlement,
)
from domain.decimals import ZERO
from projections.account_tables import (
    ACCOUNTS,
    BALANCES,
    POSITIONS,
    RESERVATIONS,
    AccountRow,
    BalanceRow,
    PositionRow,
    ReservationRow,
    account_of,
    account_row,
    balance_row,
    position_of,
    position_row,
    reservation_of,
    reservation_row,
)
from projections.projection import Changes, Fact, Loaded, Projection, Wanted

OfAccount = TypeVar("OfAccount", BalanceRow, PositionRow)

ORDER_EVENTS = (FundsReserved, ReservationChanged, ReservationReleased, Settlement)
POSITION_EVENTS = (Settlement, PositionAdjusted)
OF_ONE_ASSET = (FundsDeposited, FundsWithdrawn, BalanceAdjusted)
OF_SETTLEMENT_ASSET = (FundsReserved, PositionAdjusted)
OF_RESERVATION = (ReservationChanged, ReservationReleased)


class FoldedAccount:
    """The domain's account, holding those of its reservations that were touched.

    What the others come to is taken from the balances, so that a page costs the same however many
    orders an account has working.
    """

    def __init__(self, account: Account, opened_at: datetime | None = None) -> None:
        self.account = account
        self._opened_at = opened_at
        self._position = 0
        self._positions: dict[str, PositionRow] = {}
        self._reserved_elsewhere: dict[str, Decimal] = {}
        self._touched_assets: dict[str, tuple[datetime, int]] = {}
        self._touched_symbols: set[str] = set()
        self._touched_orders: set[str] = set()

    def take_balances(self, rows: Sequence[BalanceRow]) -> None:
        """Comes before the reservations."""
        self.account.balances = {row.asset: row.balance for row in rows}
        self._reserved_elsewhere = {row.asset: row.reserved for row in rows}

    def take_positions(self, rows: Sequence[PositionRow]) -> None:
        self._positions = {row.symbol: row for row in rows}
        self.account.positions = {row.symbol: position_of(row) for row in rows}

    def take_reservation(self, row: ReservationRow) -> None:
        self.account.reservations[row.order_id] = reservation_of(row)
        self._reserved_elsewhere[row.settlement_asset] -= row.amount

    def apply(self, event: AccountEvent, position: int) -> None:
        if isinstance(event, AccountOpened):
            self._opened_at = event.timestamp
        for asset in self._assets_touched_by(event):
            self._touched_assets[asset] = (event.timestamp, position)
        event.mutate(self.account)
        if isinstance(event, ORDER_EVENTS):
            self._touched_orders.add(event.order_id)
        if isinstance(event, POSITION_EVENTS):
            self._change_position(event, position)
        self._position = position

    def row(self) -> AccountRow:
        if self._opened_at is None:
            raise ValueError(f"{self.account.stream} does not begin with its opening")
        return account_row(self.account, self._opened_at, self._position)

    def balance_rows(self) -> list[BalanceRow]:
        return [
            balance_row(self.account, asset, self._reserved_elsewhere.get(asset, ZERO), *touched)
            for asset, touched in self._touched_assets.items()
        ]

    def position_rows(self) -> list[PositionRow]:
        return [self._positions[symbol] for symbol in self._touched_symbols]

    def changed_reservations(self) -> list[ReservationRow]:
        held = self.account.reservations
        return [
            reservation_row(self.account.id, held[order_id])
            for order_id in self._touched_orders
            if order_id in held
        ]

    def gone_reservations(self) -> list[dict[str, str]]:
        held = self.account.reservations
        return [{"order_id": order_id} for order_id in self._touched_orders if order_id not in held]

    def forget_history(self) -> None:
        """Let go of what changed, and of what no event reads."""
        self._touched_assets, self._touched_symbols, self._touched_orders = {}, set(), set()
        self.account.transfers.clear()
        self.account.settled.clear()
        self.account.external_orders.clear()
        self.account.external_positions.clear()
        self.account.acknowledgements.clear()
        self.account.both_filled.clear()

    def _assets_touched_by(self, event: AccountEvent) -> set[str]:
        """Asked before the event is applied, as it may end the reservation."""
        if isinstance(event, OF_ONE_ASSET):
            return {event.asset}
        if isinstance(event, OF_SETTLEMENT_ASSET):
            return {event.settlement_asset}
        if isinstance(event, OF_RESERVATION):
            return {self.account.reservations[event.order_id].settlement_asset}
        if isinstance(event, Settlement):
            return {event.settlement_asset, event.fee_asset}
        return set()

    def _change_position(self, event: Settlement | PositionAdjusted, position: int) -> None:
        self._positions[event.symbol] = position_row(
            self.account, event, position, before=self._positions.get(event.symbol)
        )
        self._touched_symbols.add(event.symbol)


class AccountsFold:
    """Folds with the domain's own aggregate: balances cannot disagree with the account's."""

    def __init__(self) -> None:
        self._accounts: dict[str, FoldedAccount] = {}
        self._changed: dict[str, FoldedAccount] = {}
        self._orders: set[str] = set()

    @property
    def known(self) -> int:
        return len(self._accounts) + len(self._orders)

    def wanted(self, facts: Sequence[Fact]) -> Sequence[Wanted]:
        """Accounts that do not begin in this page, and the reservations it touches."""
        events = [fact.event for fact in facts]
        new = {event.originator_id for event in events if event.originator_version == 1}
        touched = {event.originator_id for event in events}
        accounts = touched - new - self._accounts.keys()
        orders = {event.order_id for event in events if isinstance(event, ORDER_EVENTS)}
        reservations = orders - self._orders
        self._orders |= orders
        return [
            Wanted(ACCOUNTS, accounts),
            Wanted(BALANCES, accounts),
            Wanted(POSITIONS, accounts),
            Wanted(RESERVATIONS, reservations),
        ]

    def take(self, loaded: Loaded) -> None:
        balances = _by_account(loaded.rows(BALANCES))
        positions = _by_account(loaded.rows(POSITIONS))
        for row in loaded.rows(ACCOUNTS):
            folded = FoldedAccount(account_of(row), row.opened_at)
            folded.take_balances(balances.get(row.account_id, ()))
            folded.take_positions(positions.get(row.account_id, ()))
            self._accounts[row.account_id] = folded
        for reservation in loaded.rows(RESERVATIONS):
            self._accounts[reservation.account_id].take_reservation(reservation)

    def apply(self, fact: Fact) -> None:
        event = fact.event
        if not isinstance(event, AccountEvent):
            raise TypeError(f"{fact.recorded.type} in the stream of an account")
        folded = self._accounts.get(event.originator_id)
        if folded is None:
            folded = FoldedAccount(Account.empty(event.originator_id))
            self._accounts[event.originator_id] = folded
        folded.apply(event, fact.recorded.position)
        self._changed[event.originator_id] = folded

    def changes(self) -> Sequence[Changes]:
        folded = list(self._changed.values())
        changes = [
            Changes(ACCOUNTS, [account.row() for account in folded]),
            Changes(BALANCES, [row for account in folded for row in account.balance_rows()]),
            Changes(POSITIONS, [row for account in folded for row in account.position_rows()]),
            Changes(
                RESERVATIONS,
                [row for account in folded for row in account.changed_reservations()],
                [key for account in folded for key in account.gone_reservations()],
            ),
        ]
        for account in folded:
            account.forget_history()
        self._changed = {}
        return changes


def _by_account(rows: Sequence[OfAccount]) -> dict[str, list[OfAccount]]:
    grouped: dict[str, list[OfAccount]] = {}
    for row in rows:
        grouped.setdefault(row.account_id, []).append(row)
    return grouped


ACCOUNTS_PROJECTION = Projection(
    name="accounts",
    version=2,
    categories=frozenset({Account.category}),
    tables=(ACCOUNTS, BALANCES, POSITIONS, RESERVATIONS),
    fold=AccountsFold,
    file="accounts.sql",
)
