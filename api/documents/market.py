"""Instruments and candles as they are answered."""

from api.documents.fields import Decimal, Document, Time


class InstrumentDocument(Document):
    symbol: str
    base_asset: str
    quote_asset: str
    settlement_asset: str
    tick_size: Decimal
    min_price: Decimal
    max_price: Decimal
    lot_size: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    market_max_quantity: Decimal
    min_notional: Decimal
    trading: bool


class CandleDocument(Document):
    symbol: str
    interval: str
    opened_at: Time
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    trades: int
    closed: bool
