"""Accounts, balances and positions as they are answered."""

from api.documents.fields import Decimal, Document, Done, Id, LogPosition, Time
from domain.risk.trading_state import TradingState


class AccountDocument(Document):
    """``trading_state`` is what the account's own history admits, beside the risk scopes that bind
    it: halted after a failed reconciliation, reducing while external findings are
    ``unacknowledged``."""

    account_id: Id
    client_id: str
    venue: str
    margin_rate: Decimal
    maker_fee: Decimal
    taker_fee: Decimal
    fee_asset: str | None
    trading_state: TradingState
    unacknowledged: int
    reconciliation_failure: str | None
    opened_at: Time
    version: int
    position: LogPosition


class BalanceDocument(Document):
    account_id: Id
    asset: str
    balance: Decimal
    reserved: Decimal
    margin: Decimal
    available: Decimal
    updated_at: Time
    position: LogPosition


class PositionDocument(Document):
    """``quantity`` is negative where short; ``average_price`` null where flat."""

    account_id: Id
    symbol: str
    settlement_asset: str
    quantity: Decimal
    cost: Decimal
    average_price: Decimal | None
    realised_profit: Decimal
    fees_paid: Decimal
    updated_at: Time
    position: LogPosition


class AccountOpened(Done):
    account_id: Id


class Transferred(Done):
    account_id: Id
    transfer_id: Id


class Acknowledged(Done):
    account_id: Id
    request_id: Id
