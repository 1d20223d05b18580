"""Balances and positions against plain sums of what was traded and moved."""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given, settings

from adapters.venues.paper.book import Book
from adapters.venues.paper.engine import MatchingEngine
from adapters.venues.paper.entry import Busted, Entry, Opened, Transferred, decode
from domain.decimals import ZERO
from domain.errors import Conflict
from domain.venue import FillReport, VenuePosition
from tests.adapters.venues.paper.inputs import (
    Operation,
    operation_sequences,
    play_operation,
    time_of,
)
from tests.adapters.venues.paper.scenario import FEES, INSTRUMENTS, START, Scenario

EXAMPLES = settings(max_examples=150, deadline=None, derandomize=True)


class Sums:
    """What an account was given, what it paid and got for what it traded, and its fees."""

    def __init__(self) -> None:
        self.moved = ZERO
        self.paid = ZERO
        self.fees = ZERO
        self.held = ZERO

    def trade(self, fill: FillReport, sign: int) -> None:
        self.held += sign * fill.quantity
        self.paid += sign * fill.quantity * fill.price


def sums_of(entries: Sequence[Entry]) -> dict[str, Sums]:
    sums: dict[str, Sums] = defaultdict(Sums)
    signs: dict[str, int] = {}
    for entry in entries:
        mine = sums[entry.account_id]
        match entry:
            case Opened():
                signs[entry.venue_order_id] = entry.order.terms.side.sign
            case Transferred():
                mine.moved += entry.amount
            case FillReport():
                mine.trade(entry, signs[entry.venue_order_id])
                mine.fees += entry.fee
            case Busted():
                mine.trade(entry.fill, -signs[entry.venue_order_id])
                mine.fees -= entry.fill.fee
    return sums


@EXAMPLES
@given(operation_sequences)
def test_no_money_is_made_or_lost(operations: list[Operation]) -> None:
    book, journal = Book(), list[Entry]()
    engine = MatchingEngine(book, INSTRUMENTS, FEES)
    for index, each in enumerate(operations):
        journal.extend(play_operation(engine, each, time_of(index), journal).entries)
        for account_id, sums in sums_of(journal).items():
            wallet = book.wallet(account_id)
            position = wallet.positions.get("AAAUSDT")
            cost = position.cost if position else ZERO
            assert wallet.quantity("AAAUSDT") == sums.held
            assert wallet.balances.get("USDT", ZERO) == sums.moved - sums.fees - sums.paid + cost


def test_profit_is_realised_at_the_cost_of_what_is_closed() -> None:
    s = Scenario()
    s.engine.transfer("a", "t", "USDT", Decimal(100), s.tick())
    s.quote("9.9", "10.0")
    s.order("b", "buy", "market", "2")
    s.quote("12.0", "12.1")
    s.order("s", "sell", "market", "1")
    fees = FEES.taker * (20 + 12)
    assert s.engine.balances("a") == {"USDT": 100 - fees + 2}
    (position,) = s.engine.positions("a")
    assert position == VenuePosition("AAAUSDT", Decimal(1), Decimal(10))


def test_a_transfer_is_made_once() -> None:
    s = Scenario()
    for _ in range(2):
        step = s.engine.transfer("a", "t", "USDT", Decimal(100), s.tick())
    assert step.entries == ()
    assert s.engine.balances("a") == {"USDT": 100}
    with pytest.raises(Conflict):
        s.engine.transfer("a", "t", "USDT", Decimal(99), s.tick())


def test_what_a_bust_leaves_nothing_to_reduce_is_cancelled() -> None:
    s = Scenario()
    s.quote("9.9", "10.0")
    (opened, fill) = s.order("b", "buy", "market", "2").entries
    assert isinstance(opened, Opened)
    assert isinstance(fill, FillReport)
    s.order("r", "sell", "limit", "2", limit_price="12", reduce_only=True)
    s.engine.bust(fill, opened.order.terms.side, "erroneous", s.tick())
    assert s.open_ids() == []
    assert s.engine.positions("a") == []
    assert s.engine.balances("a") == {"USDT": 0}


def test_a_working_order_fills_again_what_a_bust_took_back() -> None:
    s = Scenario()
    s.order("b", "buy", "limit", "3", limit_price="10.0")
    (fill,) = s.trade("10.0", "2").entries
    assert isinstance(fill, FillReport)
    s.engine.bust(fill, s.engine.open_orders("a")[0].terms.side, "erroneous", s.tick())
    assert s.engine.open_orders("a")[0].cum_quantity == 0
    s.trade("10.0", "5")
    assert s.open_ids() == []
    assert s.position() == 3


def test_a_journal_from_before_balances_still_loads() -> None:
    old = [
        '{"type":"Opened","order":{"client_order_id":"x","account_id":"a","terms":{"symbol":'
        '"AAAUSDT","side":"buy","type":"market","quantity":"1"},"linked_client_order_id":null},'
        '"venue_order_id":"1","at":"2026-01-01T00:00:00Z"}',
        '{"type":"FillReport","client_order_id":"x","venue_order_id":"1","account_id":"a",'
        '"symbol":"AAAUSDT","trade_id":"1","quantity":"1","price":"10","liquidity":"taker",'
        '"fee":"0.004","fee_asset":"USDT","at":"2026-01-01T00:00:00Z"}',
    ]
    book = Book.of(decode(text) for text in old)
    assert book.at == START
    assert book.wallet("a").balances == {"USDT": Decimal("-0.004")}
    assert book.wallet("a").positions["AAAUSDT"].cost == 10
