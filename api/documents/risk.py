"""Limits and trading states as they are answered."""

from api.documents.fields import Decimal, Document, Done, Id, LogPosition, Time
from domain.risk.trading_state import TradingState


class LimitsDocument(Document):
    """Limits that are not set are left out."""

    allowed_symbols: tuple[str, ...] = ()
    price_collar: Decimal = ""
    quote_max_age_ms: int = 0
    max_order_quantity: Decimal = ""
    max_order_value: Decimal = ""
    max_position: Decimal = ""
    max_exposure: Decimal = ""
    max_open_orders: int = 0
    max_messages_per_second: int = 0
    duplicate_window_ms: int = 0
    max_daily_loss: Decimal = ""


class RiskDocument(Document):
    """Version 0 where nothing was ever set."""

    scope: str
    state: TradingState
    reason: str | None
    limits: LimitsDocument
    version: int
    updated_at: Time | None
    position: LogPosition


class RiskChanged(Done):
    scope: str
    change_id: Id
