"""Orders against a real recording, checked by a scan of the file that knows no venue."""

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from adapters.market.binance_frames import decode
from adapters.market.exchange_info import parse_exchange_info
from adapters.venues.paper.book import Book
from adapters.venues.paper.engine import MatchingEngine
from domain.fees import FeeSchedule
from domain.market_data import Quote, Trade
from domain.order.terms import OrderTerms, OrderType, Side
from domain.venue import Accepted, FillReport, VenueOrder
from tests.adapters.market.recorded import EXCHANGE_INFO, FRAMES
from tests.adapters.venues.paper.scenario import FixedInstruments, fill_reports

SYMBOL = "SUSHIUSDT"
D = Decimal


class Moment(msgspec.Struct):
    """What stood when a frame had come: the symbol's best quote, and its print in this frame."""

    frame: bytes
    at: datetime
    bid: Decimal | None
    ask: Decimal | None
    printed: Decimal | None
    printed_quantity: Decimal


def scan() -> Iterator[Moment]:
    bid = ask = None
    with gzip.open(FRAMES, "rb") as lines:
        next(lines)
        for line in lines:
            seconds, _, frame = line.partition(b": ")
            data: dict[str, Any] = json.loads(frame)["data"]
            is_ours = data["s"] == SYMBOL
            if is_ours and data["e"] == "bookTicker":
                bid, ask = D(data["b"]), D(data["a"])
            is_print = is_ours and data["e"] == "aggTrade"
            yield Moment(
                frame=frame,
                at=datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=float(seconds)),
                bid=bid,
                ask=ask,
                printed=D(data["p"]) if is_print else None,
                printed_quantity=D(data["q"]) if is_print else D(0),
            )


@pytest.fixture(scope="module")
def moments() -> list[Moment]:
    return list(scan())


@pytest.fixture(scope="module")
def instruments() -> FixedInstruments:
    return FixedInstruments(*parse_exchange_info(gzip.open(EXCHANGE_INFO).read()).instruments)


def order(name: str, side: Side, quantity: str, limit_price: Decimal | None = None) -> VenueOrder:
    type_ = OrderType.MARKET if limit_price is None else OrderType.LIMIT
    return VenueOrder(name, "a", OrderTerms(SYMBOL, side, type_, D(quantity), limit_price))


def assert_it_stood(fill: FillReport, side: Side, moment: Moment) -> None:
    touch = moment.ask if side is Side.BUY else moment.bid
    assert fill.price in (touch, moment.printed)


def reaches(moment: Moment, side: Side, price: Decimal) -> bool:
    """True if the market came to a resting order of that side and price."""
    opposite = moment.ask if side is Side.BUY else moment.bid
    seen = [each for each in (opposite, moment.printed) if each is not None]
    return any(side.sign * (price - each) >= 0 for each in seen)


def play(engine: MatchingEngine, moment: Moment) -> list[FillReport]:
    event = decode(moment.frame)
    if isinstance(event, Quote):
        return fill_reports(engine.on_quote(event, moment.at).entries)
    if isinstance(event, Trade):
        return fill_reports(engine.on_trade(event, moment.at).entries)
    return []


@pytest.mark.parametrize("start", [0, 100, 400, 700, 1000])
@pytest.mark.parametrize("side", list(Side))
def test_a_market_and_a_resting_limit_order_fill_at_prices_that_stood(
    moments: list[Moment], instruments: FixedInstruments, start: int, side: Side
) -> None:
    engine = MatchingEngine(Book(), instruments, FeeSchedule(D("0.0002"), D("0.0004")))
    filled = {"market": D(0), "limit": D(0)}
    for moment in moments[: start + 1]:
        play(engine, moment)
    now = moments[start]
    assert now.bid is not None
    assert now.ask is not None
    resting_price = now.bid if side is Side.BUY else now.ask
    steps = [
        engine.submit(order("market", side, "500"), now.at),
        engine.submit(order("limit", side, "20", resting_price), now.at),
    ]
    assert all(isinstance(step.outcome, Accepted) for step in steps)
    told = [(now, fill) for step in steps for fill in fill_reports(step.entries)]
    for moment in moments[start + 1 :]:
        told += [(moment, fill) for fill in play(engine, moment)]
    for moment, fill in told:
        assert_it_stood(fill, side, moment)
        filled[fill.client_order_id] += fill.quantity
    reached = any(reaches(moment, side, resting_price) for moment in moments[start + 1 :])
    assert filled["market"] == D(500)
    assert (filled["limit"] > D(0)) == reached


def test_a_resting_limit_takes_no_more_from_prints_at_its_price_than_was_traded(
    moments: list[Moment], instruments: FixedInstruments
) -> None:
    engine = MatchingEngine(Book(), instruments, FeeSchedule(D(0), D(0)))
    price = next(moment.bid for moment in moments if moment.bid is not None)
    engine.submit(order("limit", Side.BUY, "100000", price), moments[0].at)
    for moment in moments:
        at_price = [fill for fill in play(engine, moment) if fill.price == price]
        if at_price and moment.ask != price:
            assert sum(fill.quantity for fill in at_price) <= moment.printed_quantity
