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
    """Version 0 where nothing was ever set. A halt is in force at once; ``halt_confirmed`` tells
    whether no order that was on its way can still leave, and is null where there is no halt."""

    scope: str
    state: TradingState
    reason: str | None
    halt_confirmed: bool | None
    limits: LimitsDocument
    version: int
    updated_at: Time | None
    position: LogPosition


class RiskChanged(Done):
    scope: str
    change_id: Id


class TradingHalted(RiskChanged):
    """``position`` is the confirmation's where the halt is ``confirmed``: no order was sent after
    it. Otherwise the halt is in force, and `GET /v1/risk/limits/{scope}` tells when it is."""

    confirmed: bool
