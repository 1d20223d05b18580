"""The tables accounts, balances, positions and reservations: all of the account's stream."""

from datetime import datetime
from decimal import Decimal

import msgspec

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
from domain.account.reservation import Reservation
from domain.decimals import ZERO
from domain.event import Event
from domain.log import RecordedEvent
from replay.verify.live_tables import Row
from replay.verify.tables.table import Table


class Opened(msgspec.Struct):
    """An account, when it was opened, and where it changed last."""

    account: Account
    opened_at: datetime | None = None
    position: int = 0


class Asset(msgspec.Struct):
    """What an account has in one asset, and which event touched it last."""

    account: Account
    name: str
    updated_at: datetime
    position: int


class Traded(msgspec.Struct):
    """What an account has of one instrument, and what trading it brought and cost."""

    account: Account
    symbol: str
    updated_at: datetime
    position: int
    realised_profit: Decimal = ZERO
    fees_paid: Decimal = ZERO


class Held(msgspec.Struct):
    account_id: str
    reservation: Reservation


class AccountsFold:
    category = Account.category

    def __init__(self) -> None:
        self._accounts = Table("accounts", ("account_id",), _account_row)
        self._balances = Table("balances", ("account_id", "asset"), _balance_row)
        self._positions = Table("positions", ("account_id", "symbol"), _position_row)
        self._reservations = Table("reservations", ("order_id",), _reservation_row)
        self.tables = (self._accounts, self._balances, self._positions, self._reservations)

    def apply(self, recorded: RecordedEvent, event: Event) -> None:
        if not isinstance(event, AccountEvent):
            raise TypeError(f"{recorded.type} in the stream of an account")
        name = event.originator_id
        opened = self._accounts.items.get((name,)) or _unopened(event)
        touched = _assets_touched(event, opened.account)
        event.mutate(opened.account)
        _forget_history(opened.account)
        opened.position = recorded.position
        if isinstance(event, AccountOpened):
            opened.opened_at = event.timestamp
        self._accounts.items[name,] = opened
        for asset in touched:
            self._balances.items[name, asset] = Asset(
                opened.account, asset, event.timestamp, recorded.position
            )
        if isinstance(event, Settlement | PositionAdjusted):
            self._note_trade(opened.account, event, recorded.position)
        self._note_reservation(opened.account, event)

    def _note_trade(
        self, account: Account, event: Settlement | PositionAdjusted, position: int
    ) -> None:
        """An adjustment says nothing of profit and fees."""
        key = (account.id, event.symbol)
        new = Traded(account, event.symbol, event.timestamp, position)
        traded = self._positions.items.setdefault(key, new)
        traded.updated_at, traded.position = event.timestamp, position
        if isinstance(event, Settlement):
            traded.realised_profit += event.realised_profit
            traded.fees_paid += event.fee

    def _note_reservation(self, account: Account, event: AccountEvent) -> None:
        if isinstance(event, FundsReserved | ReservationChanged | ReservationReleased | Settlement):
            held = account.reservations.get(event.order_id)
            if held is None:
                self._reservations.items.pop((event.order_id,), None)
            else:
                self._reservations.items[event.order_id,] = Held(account.id, held)


def _unopened(first: AccountEvent) -> Opened:
    if not isinstance(first, AccountOpened):
        raise ValueError(f"account {first.originator_id} was not opened before")
    return Opened(Account.empty(first.originator_id))


def _assets_touched(event: AccountEvent, before: Account) -> set[str]:
    match event:
        case FundsDeposited() | FundsWithdrawn() | BalanceAdjusted():
            return {event.asset}
        case FundsReserved() | PositionAdjusted():
            return {event.settlement_asset}
        case ReservationChanged() | ReservationReleased():
            return {before.reservations[event.order_id].settlement_asset}
        case Settlement():
            return {event.settlement_asset, event.fee_asset}
        case _:
            return set()


def _forget_history(account: Account) -> None:
    """No row shows it, and it grows with every order."""
    account.transfers.clear()
    account.settled.clear()
    account.messages.clear()


def _account_row(opened: Opened) -> Row:
    account = opened.account
    return {
        "account_id": account.id,
        "client_id": account.client_id,
        "venue": account.venue,
        "margin_rate": account.margin_rate,
        "maker_fee": account.fees.maker,
        "taker_fee": account.fees.taker,
        "fee_asset": account.fees.asset,
        "trading_state": account.trading_state.value,
        "unacknowledged": account.unacknowledged,
        "reconciliation_failure": account.reconciliation_failure,
        "opened_at": opened.opened_at,
        "version": account.version,
        "position": opened.position,
    }


def _balance_row(asset: Asset) -> Row:
    account, name = asset.account, asset.name
    return {
        "account_id": account.id,
        "asset": name,
        "balance": account.balance(name),
        "reserved": account.reserved(name),
        "margin": account.margin(name),
        "available": account.available(name),
        "updated_at": asset.updated_at,
        "position": asset.position,
    }


def _position_row(traded: Traded) -> Row:
    held = traded.account.positions[traded.symbol]
    return {
        "account_id": traded.account.id,
        "symbol": held.symbol,
        "settlement_asset": held.settlement_asset,
        "quantity": held.quantity,
        "cost": held.cost,
        "average_price": held.average_price,
        "realised_profit": traded.realised_profit,
        "fees_paid": traded.fees_paid,
        "updated_at": traded.updated_at,
        "position": traded.position,
    }


def _reservation_row(held: Held) -> Row:
    reservation = held.reservation
    return {
        "order_id": reservation.order_id,
        "account_id": held.account_id,
        "symbol": reservation.symbol,
        "settlement_asset": reservation.settlement_asset,
        "side": reservation.side.value,
        "quantity": reservation.quantity,
        "price": reservation.price,
        "reduce_only": reservation.reduce_only,
        "amount": reservation.amount,
        "order_version": reservation.order_version,
    }
