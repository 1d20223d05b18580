"""Fees: maker, taker, rebates, and fees in another asset."""

from decimal import Decimal

from domain.fees import FeeSchedule
from tests.adapters.venues.paper.scenario import Scenario, fill_reports, quote

D = Decimal


def fees_of(s: Scenario) -> list[tuple[Decimal, str]]:
    return [(fill.fee, fill.fee_asset) for fill in fill_reports(s.journal)]


def trade_both_ways(fees: FeeSchedule, bnb: tuple[str, str] | None = None) -> Scenario:
    s = Scenario(fees)
    if bnb:
        s.engine.on_quote(quote(*bnb, symbol="BNBUSDT"), s.tick())
    s.quote("10.0", "10.1")
    s.order("taker", "buy", "market", "2")
    s.order("maker", "buy", "limit", "2", limit_price="10.0")
    s.trade("10.0")
    return s


def test_a_taker_and_a_maker_pay_their_rates() -> None:
    s = trade_both_ways(FeeSchedule(D("0.0002"), D("0.0004")))
    assert fees_of(s) == [(D("0.00808"), "USDT"), (D("0.004"), "USDT")]


def test_a_rebate_is_a_negative_fee() -> None:
    s = trade_both_ways(FeeSchedule(D("-0.0001"), D("0.0004")))
    assert fees_of(s)[1] == (D("-0.002"), "USDT")


def test_fees_in_another_asset_convert_at_the_mid_of_its_quote_rounded_up() -> None:
    s = trade_both_ways(FeeSchedule(D("0.0002"), D("0.0004"), "BNB"), ("299", "301"))
    assert fees_of(s) == [(D("0.00002694"), "BNB"), (D("0.00001334"), "BNB")]


def test_without_a_quote_of_that_asset_the_settlement_asset_pays() -> None:
    s = trade_both_ways(FeeSchedule(D("0.0002"), D("0.0004"), "BNB"))
    assert fees_of(s) == [(D("0.00808"), "USDT"), (D("0.004"), "USDT")]


def test_fees_in_the_settlement_asset_by_name() -> None:
    s = trade_both_ways(FeeSchedule(D("0.0002"), D("0.0004"), "USDT"))
    assert fees_of(s)[0] == (D("0.00808"), "USDT")


def test_trade_ids_count_per_symbol_over_all_accounts() -> None:
    s = Scenario()
    s.quote("10.0", "10.1")
    s.order("x", "buy", "market", "1")
    s.order("y", "sell", "market", "1", account="b")
    s.engine.on_quote(quote("300", "301", symbol="BNBUSDT"), s.tick())
    s.order("z", "buy", "market", "1", symbol="BNBUSDT")
    ids = [(fill.symbol, fill.trade_id) for fill in fill_reports(s.journal)]
    assert ids == [("AAAUSDT", "1"), ("AAAUSDT", "2"), ("BNBUSDT", "1")]
