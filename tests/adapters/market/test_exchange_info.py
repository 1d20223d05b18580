import gzip
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.market.exchange_info import (
    InvalidExchangeInfo,
    InvalidInstrument,
    parse_exchange_info,
)
from adapters.market.static_instruments import StaticInstruments
from domain.instrument import Instrument, Instruments

Entry = dict[str, object]

FILTERS: dict[str, dict[str, str]] = {
    "PRICE_FILTER": {"minPrice": "0.1430", "maxPrice": "500", "tickSize": "0.0010"},
    "LOT_SIZE": {"minQty": "1", "maxQty": "10000000", "stepSize": "1"},
    "MARKET_LOT_SIZE": {"minQty": "1", "maxQty": "100000", "stepSize": "1"},
    "MAX_NUM_ORDERS": {"limit": "200"},
    "MIN_NOTIONAL": {"notional": "5"},
}
SUSHI = Instrument(
    symbol="SUSHIUSDT",
    base_asset="SUSHI",
    quote_asset="USDT",
    settlement_asset="USDT",
    tick_size=Decimal("0.0010"),
    min_price=Decimal("0.1430"),
    max_price=Decimal(500),
    lot_size=Decimal(1),
    min_quantity=Decimal(1),
    max_quantity=Decimal(10_000_000),
    market_max_quantity=Decimal(100_000),
    min_notional=Decimal(5),
)


def entry(limits: dict[str, dict[str, str]] = FILTERS, **changes: object) -> Entry:
    written: Entry = {
        "symbol": "SUSHIUSDT",
        "contractType": "PERPETUAL",
        "status": "TRADING",
        "baseAsset": "SUSHI",
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "pricePrecision": 4,
        "filters": [{"filterType": name, **fields} for name, fields in limits.items()],
    }
    return written | changes


def answer(*entries: object) -> bytes:
    return msgspec.json.encode({"timezone": "UTC", "symbols": entries})


def with_filter(name: str, **fields: str) -> Entry:
    return entry(FILTERS | {name: FILTERS[name] | fields})


def test_a_perpetual_contract_with_its_filters() -> None:
    info = parse_exchange_info(answer(entry()))
    assert info.instruments == (SUSHI,)
    assert info.refused == ()


def test_the_price_precision_is_not_the_tick() -> None:
    (instrument,) = parse_exchange_info(answer(entry(pricePrecision=8))).instruments
    assert instrument.tick_size == Decimal("0.0010")


@pytest.mark.parametrize("kind", ["CURRENT_QUARTER", "NEXT_QUARTER", ""])
def test_other_contracts_are_left_out(kind: str) -> None:
    info = parse_exchange_info(answer(entry(contractType=kind), {"symbol": "SPOT"}))
    assert info.instruments == ()
    assert info.refused == ()


def test_a_symbol_that_does_not_trade_now_is_known_as_such() -> None:
    (instrument,) = parse_exchange_info(answer(entry(status="SETTLING"))).instruments
    assert not instrument.trading


def test_spot_writes_the_minimum_notional_under_another_key() -> None:
    filters = FILTERS | {"MIN_NOTIONAL": {"minNotional": "7.5"}}
    (instrument,) = parse_exchange_info(answer(entry(filters))).instruments
    assert instrument.min_notional == Decimal("7.5")


def test_profit_settles_in_the_margin_asset() -> None:
    changed = entry(symbol="SUSHIBUSD", quoteAsset="BUSD", marginAsset="BUSD")
    (instrument,) = parse_exchange_info(answer(changed)).instruments
    assert instrument.settlement_asset == "BUSD"


WITHOUT_LOT = {name: fields for name, fields in FILTERS.items() if name != "LOT_SIZE"}


@pytest.mark.parametrize(
    ("bad", "part"),
    [
        (entry(WITHOUT_LOT), "LOT_SIZE"),
        (entry(filters=[{"filterType": "LOT_SIZE"}] * 2), "LOT_SIZE"),
        (entry(filters=None), "entry"),
        (entry(baseAsset=...), "entry"),
        (entry(marginAsset="SUSHI"), "marginAsset"),
        (with_filter("PRICE_FILTER", tickSize="0"), "PRICE_FILTER"),
        (with_filter("PRICE_FILTER", tickSize="-0.1"), "PRICE_FILTER"),
        (with_filter("PRICE_FILTER", tickSize="NaN"), "PRICE_FILTER"),
        (with_filter("PRICE_FILTER", tickSize="501"), "PRICE_FILTER"),
        (with_filter("PRICE_FILTER", minPrice="501"), "PRICE_FILTER"),
        (with_filter("LOT_SIZE", stepSize="0"), "LOT_SIZE"),
        (with_filter("LOT_SIZE", minQty="0"), "LOT_SIZE"),
        (with_filter("LOT_SIZE", minQty="10000001"), "LOT_SIZE"),
        (with_filter("MARKET_LOT_SIZE", maxQty="0.5"), "MARKET_LOT_SIZE"),
        (with_filter("MARKET_LOT_SIZE", stepSize="2"), "MARKET_LOT_SIZE"),
        (with_filter("MIN_NOTIONAL", notional="five"), "MIN_NOTIONAL"),
        (with_filter("MIN_NOTIONAL", minNotional="6"), "MIN_NOTIONAL"),
        (entry(FILTERS | {"MIN_NOTIONAL": {}}), "MIN_NOTIONAL"),
    ],
)
def test_an_entry_that_contradicts_itself_is_refused_by_name(bad: Entry, part: str) -> None:
    kept = {name: value for name, value in bad.items() if value is not ...}
    info = parse_exchange_info(answer(kept, entry(symbol="OTHERUSDT")))
    assert [one.symbol for one in info.instruments] == ["OTHERUSDT"]
    (refused,) = info.refused
    assert (refused.symbol, refused.part) == ("SUSHIUSDT", part)
    assert str(refused).startswith(f"SUSHIUSDT: {part}: ")


@pytest.mark.parametrize(
    "bad", [b"", b"[]", b"{}", b"\xff", b'{"symbols": 1}', b'{"symbols":' * 9_000]
)
def test_an_answer_that_is_none(bad: bytes) -> None:
    with pytest.raises(InvalidExchangeInfo):
        parse_exchange_info(bad)


def test_a_symbol_that_stands_there_twice() -> None:
    with pytest.raises(InvalidExchangeInfo, match="SUSHIUSDT"):
        parse_exchange_info(answer(entry(), entry()))


@given(st.data())
def test_damaged_entries_never_raise_anything_else(data: st.DataObject) -> None:
    whole = bytearray(answer(entry()))
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(32, 126))
    try:
        info = parse_exchange_info(bytes(whole))
    except InvalidExchangeInfo:
        return
    assert len(info.instruments) + len(info.refused) <= 1


def test_the_instruments_that_come_with_the_core() -> None:
    instruments: Instruments = StaticInstruments.default()
    expected = ["BTC", "ETH", "SOL", "SUSHI", "AKRO", "KEEP", "CTK"]
    assert [one.symbol for one in instruments.all()] == [f"{base}USDT" for base in expected]
    assert all(one.trading and one.settlement_asset == "USDT" for one in instruments.all())
    assert instruments.get("NONE") is None
    assert instruments.get("BTCUSDT") is instruments.all()[0]


def test_an_answer_in_a_file_gzipped_or_not(tmp_path: Path) -> None:
    path = tmp_path / "exchangeInfo.json.gz"
    for content in (answer(entry()), gzip.compress(answer(entry()))):
        path.write_bytes(content)
        assert StaticInstruments.from_file(path).all() == (SUSHI,)


def test_a_damaged_file(tmp_path: Path) -> None:
    path = tmp_path / "exchangeInfo.json.gz"
    path.write_bytes(gzip.compress(answer(entry()))[:-20])
    with pytest.raises(InvalidExchangeInfo, match="is damaged"):
        StaticInstruments.from_file(path)
    with pytest.raises(FileNotFoundError):
        StaticInstruments.from_file(tmp_path / "none.json")


def test_a_file_with_one_bad_entry_is_no_set_of_instruments() -> None:
    bad = with_filter("LOT_SIZE", stepSize="0")
    with pytest.raises(InvalidInstrument, match="SUSHIUSDT: LOT_SIZE: stepSize is zero"):
        StaticInstruments.from_answer(answer(entry(symbol="OTHERUSDT"), bad))
    with pytest.raises(InvalidExchangeInfo, match="no perpetual contract"):
        StaticInstruments.from_answer(answer())
