"""The tables of the accounts projection, and how a domain account comes out of their rows."""

from datetime import datetime
from decimal import Decimal

import msgspec

from domain.account.account import Account
from domain.account.events import PositionAdjusted, Settlement
from domain.account.position import Position
from domain.account.reservation import Reservation
from domain.decimals import ZERO
from domain.fees import FeeSchedule
from domain.order.terms import Side
from domain.risk.trading_state import TradingState
from projections.table import Table


class AccountRow(msgspec.Struct, frozen=True):
    """``trading_state`` is what the account's own history admits, whatever the risk scopes say:
    halted after a reconciliation that failed, reducing while external findings are
    ``unacknowledged``."""

    account_id: str
    client_id: str
    venue: str
    margin_rate: Decimal
    maker_fee: Decimal
    taker_fee: Decimal
    fee_asset: str | None
    trading_state: TradingState
    unacknowledged: int
    reconciliation_failure: str | None
    opened_at: datetime
    version: int
    position: int


class BalanceRow(msgspec.Struct, frozen=True):
    account_id: str
    asset: str
    balance: Decimal
    reserved: Decimal
    margin: Decimal
    available: Decimal
    updated_at: datetime
    position: int


class PositionRow(msgspec.Struct, frozen=True):
    """``realised_profit`` is in the settlement asset, before ``fees_paid``; those are in the asset
    the account pays fees in, rebates and returned fees taken off."""

    account_id: str
    symbol: str
    settlement_asset: str
    quantity: Decimal
    cost: Decimal
    average_price: Decimal | None
    realised_profit: Decimal
    fees_paid: Decimal
    updated_at: datetime
    position: int


class ReservationRow(msgspec.Struct, frozen=True):
    order_id: str
    account_id: str
    symbol: str
    settlement_asset: str
    side: Side
    quantity: Decimal
    price: Decimal
    reduce_only: bool
    amount: Decimal
    order_version: int


ACCOUNTS = Table("accounts", AccountRow, ("account_id",))
BALANCES = Table("balances", BalanceRow, ("account_id", "asset"), published_as="balances")
POSITIONS = Table("positions", PositionRow, ("account_id", "symbol"))
RESERVATIONS = Table("reservations", ReservationRow, ("order_id",))


def account_of(row: AccountRow) -> Account:
    """The account without its balances, positions and reservations."""
    account = Account.empty(row.account_id)
    account.client_id = row.client_id
    account.venue = row.venue
    account.margin_rate = row.margin_rate
    account.fees = FeeSchedule(maker=row.maker_fee, taker=row.taker_fee, asset=row.fee_asset)
    account.unacknowledged = row.unacknowledged
    account.reconciliation_failure = row.reconciliation_failure
    account.version = row.version
    return account


def account_row(account: Account, opened_at: datetime, position: int) -> AccountRow:
    return AccountRow(
        account_id=account.id,
        client_id=account.client_id,
        venue=account.venue,
        margin_rate=account.margin_rate,
        maker_fee=account.fees.maker,
        taker_fee=account.fees.taker,
        fee_asset=account.fees.asset,
        trading_state=account.trading_state,
        unacknowledged=account.unacknowledged,
        reconciliation_failure=account.reconciliation_failure,
        opened_at=opened_at,
        version=account.version,
        position=position,
    )


def position_of(row: PositionRow) -> Position:
    return Position(
        symbol=row.symbol,
        settlement_asset=row.settlement_asset,
        quantity=row.quantity,
        cost=row.cost,
    )


def reservation_of(row: ReservationRow) -> Reservation:
    return Reservation(
        order_id=row.order_id,
        symbol=row.symbol,
        settlement_asset=row.settlement_asset,
        side=row.side,
        quantity=row.quantity,
        price=row.price,
        reduce_only=row.reduce_only,
        amount=row.amount,
        order_version=row.order_version,
    )


def reservation_row(account_id: str, held: Reservation) -> ReservationRow:
    return ReservationRow(
        order_id=held.order_id,
        account_id=account_id,
        symbol=held.symbol,
        settlement_asset=held.settlement_asset,
        side=held.side,
        quantity=held.quantity,
        price=held.price,
        reduce_only=held.reduce_only,
        amount=held.amount,
        order_version=held.order_version,
    )


def balance_row(
    account: Account, asset: str, reserved_elsewhere: Decimal, updated_at: datetime, position: int
) -> BalanceRow:
    """``reserved_elsewhere`` is in the reservations that ``account`` does not hold here."""
    # Without trailing zeros, which would tell how the log was cut into batches.
    reserved = (reserved_elsewhere + account.reserved(asset)).normalize()
    return BalanceRow(
        account_id=account.id,
        asset=asset,
        balance=account.balance(asset),
        reserved=reserved,
        margin=account.margin(asset),
        available=account.balance(asset) - reserved - account.margin(asset),
        updated_at=updated_at,
        position=position,
    )


def position_row(
    account: Account,
    event: Settlement | PositionAdjusted,
    position: int,
    *,
    before: PositionRow | None,
) -> PositionRow:
    """The position after an event, on top of its row before. An adjustment says nothing of profit
    or fees: those of trades that are not the core's are not known."""
    held = account.positions[event.symbol]
    profit, fee = (
        (event.realised_profit, event.fee) if isinstance(event, Settlement) else (ZERO, ZERO)
    )
    return PositionRow(
        account_id=account.id,
        symbol=held.symbol,
        settlement_asset=held.settlement_asset,
        quantity=held.quantity,
        cost=held.cost,
        average_price=held.average_price,
        realised_profit=(before.realised_profit if before else ZERO) + profit,
        fees_paid=(before.fees_paid if before else ZERO) + fee,
        updated_at=event.timestamp,
        position=position,
    )
