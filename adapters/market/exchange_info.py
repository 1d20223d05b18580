"""Instruments from the venue's own answer: Binance ``GET /fapi/v1/exchangeInfo``.

Prices and quantities are bound by the filters. The precisions beside them (``pricePrecision``)
bound only the digits of a text, not the tick, and are not read.
"""

from dataclasses import dataclass
from decimal import Decimal

import msgspec

from domain.decimals import ZERO, parse_decimal
from domain.errors import InvalidInput
from domain.instrument import Instrument

PERPETUAL = "PERPETUAL"
TRADING = "TRADING"


class InvalidExchangeInfo(Exception):
    """The answer as a whole cannot be read."""


class InvalidInstrument(Exception):
    """One symbol's entry lacks something or contradicts itself; ``part`` is the filter or field."""

    def __init__(self, symbol: str, part: str, reason: str) -> None:
        super().__init__(f"{symbol}: {part}: {reason}")
        self.symbol = symbol
        self.part = part
        self.reason = reason


@dataclass(frozen=True)
class ExchangeInfo:
    """The perpetual contracts that can be used, and those refused, with the reason."""

    instruments: tuple[Instrument, ...]
    refused: tuple[InvalidInstrument, ...]


def parse_exchange_info(answer: bytes) -> ExchangeInfo:
    """Every perpetual contract of an answer; contracts of other types are left out.

    An entry that cannot be right is refused by itself. Raises InvalidExchangeInfo when the answer
    is not one, or names a symbol twice.
    """
    instruments: dict[str, Instrument] = {}
    refused: list[InvalidInstrument] = []
    for entry in _decode(answer).symbols:
        try:
            instrument = _instrument(entry)
        except InvalidInstrument as error:
            refused.append(error)
            continue
        if instrument is None:
            continue
        if instrument.symbol in instruments:
            raise InvalidExchangeInfo(f"{instrument.symbol} stands there twice")
        instruments[instrument.symbol] = instrument
    return ExchangeInfo(tuple(instruments.values()), tuple(refused))


class _Answer(msgspec.Struct):
    symbols: list[msgspec.Raw]


class _Kind(msgspec.Struct, rename="camel"):
    symbol: str = "?"
    contract_type: str = ""


class _Filter(msgspec.Struct, rename="camel"):
    """Any filter: which fields are there depends on its type."""

    filter_type: str
    min_price: str | None = None
    max_price: str | None = None
    tick_size: str | None = None
    min_qty: str | None = None
    max_qty: str | None = None
    step_size: str | None = None
    notional: str | None = None
    min_notional: str | None = None


class _Symbol(msgspec.Struct, rename="camel"):
    symbol: str
    status: str
    base_asset: str
    quote_asset: str
    margin_asset: str
    filters: list[_Filter]


def _decode(answer: bytes) -> _Answer:
    try:
        return msgspec.json.decode(answer, type=_Answer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidExchangeInfo(str(error)) from error


def _instrument(entry: msgspec.Raw) -> Instrument | None:
    symbol = "?"
    try:
        kind = msgspec.json.decode(entry, type=_Kind)
        symbol = kind.symbol
        if kind.contract_type != PERPETUAL:
            return None
        described = msgspec.json.decode(entry, type=_Symbol)
    except msgspec.ValidationError as error:
        raise InvalidInstrument(symbol, "entry", str(error)) from error
    if described.margin_asset != described.quote_asset:
        reason = f"{described.margin_asset} is not the quote asset: no linear contract"
        raise InvalidInstrument(symbol, "marginAsset", reason)
    return _with_filters(described, _Filters(symbol, described.filters))


def _with_filters(described: _Symbol, filters: "_Filters") -> Instrument:
    tick, min_price, max_price = filters.prices()
    lot, min_quantity, max_quantity = filters.quantities("LOT_SIZE")
    market_max_quantity = filters.market_max_quantity(lot)
    return Instrument(
        symbol=described.symbol,
        base_asset=described.base_asset,
        quote_asset=described.quote_asset,
        settlement_asset=described.margin_asset,
        tick_size=tick,
        min_price=min_price,
        max_price=max_price,
        lot_size=lot,
        min_quantity=min_quantity,
        max_quantity=max_quantity,
        market_max_quantity=market_max_quantity,
        min_notional=filters.min_notional(),
        trading=described.status == TRADING,
    )


class _Filters:
    """The filters of one symbol, read and checked."""

    def __init__(self, symbol: str, filters: list[_Filter]) -> None:
        self._symbol = symbol
        self._by_type: dict[str, _Filter] = {}
        for one in filters:
            if one.filter_type in self._by_type:
                raise InvalidInstrument(symbol, one.filter_type, "stands there twice")
            self._by_type[one.filter_type] = one

    def prices(self) -> tuple[Decimal, Decimal, Decimal]:
        """Tick size, lowest and highest price; a bound of zero is not enforced by the venue."""
        name = "PRICE_FILTER"
        one = self._get(name)
        tick = self._number(name, "tickSize", one.tick_size)
        low = self._number(name, "minPrice", one.min_price)
        high = self._number(name, "maxPrice", one.max_price)
        self._require(tick > ZERO, name, "tickSize is zero")
        self._require(high == ZERO or low <= high, name, f"minPrice {low} above maxPrice {high}")
        self._require(high == ZERO or tick <= high, name, f"tickSize {tick} above maxPrice {high}")
        return tick, low, high

    def quantities(self, name: str) -> tuple[Decimal, Decimal, Decimal]:
        """Step, smallest and largest quantity."""
        one = self._get(name)
        step = self._number(name, "stepSize", one.step_size)
        low = self._number(name, "minQty", one.min_qty)
        high = self._number(name, "maxQty", one.max_qty)
        self._require(step > ZERO, name, "stepSize is zero")
        self._require(ZERO < low <= high, name, f"minQty {low}, maxQty {high}")
        return step, low, high

    def market_max_quantity(self, lot: Decimal) -> Decimal:
        """The largest market order; its steps must be the other orders' too."""
        name = "MARKET_LOT_SIZE"
        step, _, high = self.quantities(name)
        self._require(step == lot, name, f"stepSize {step} is not LOT_SIZE's {lot}")
        return high

    def min_notional(self) -> Decimal:
        """Futures write ``notional``, spot writes ``minNotional``."""
        name = "MIN_NOTIONAL"
        one = self._get(name)
        written = {text for text in (one.notional, one.min_notional) if text is not None}
        self._require(len(written) < 2, name, "notional and minNotional differ")
        return self._number(name, "notional", next(iter(written), None))

    def _get(self, name: str) -> _Filter:
        if (one := self._by_type.get(name)) is None:
            raise InvalidInstrument(self._symbol, name, "is missing")
        return one

    def _number(self, name: str, field: str, text: str | None) -> Decimal:
        if text is None:
            raise InvalidInstrument(self._symbol, name, f"{field} is missing")
        try:
            number = parse_decimal(text, field)
        except InvalidInput as error:
            raise InvalidInstrument(self._symbol, name, str(error)) from error
        self._require(number >= ZERO, name, f"{field} is negative")
        return number

    def _require(self, holds: bool, name: str, reason: str) -> None:
        if not holds:
            raise InvalidInstrument(self._symbol, name, reason)
