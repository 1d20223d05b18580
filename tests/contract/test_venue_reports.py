"""Reports: each once and in order where nothing is in between, and enough where something is."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from domain.fees import Liquidity
from domain.order.terms import TimeInForce
from domain.venue import (
    Accepted,
    BustReport,
    ExpireReport,
    FillReport,
    StopMovedReport,
    StreamGap,
    TriggerReport,
)
from tests.contract.trader import ACCOUNT, EVER, accepted
from tests.contract.venue_cases import CASES, NAMES, PART, QUANTITY, Case, open_position
from tests.contract.venue_story import D, Heard, limit, move, order, print_trade, show
from tests.contract.venues import FEES, INSTRUMENT, VenueUnderTest

NOTHING = D(0)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
async def test_fills_are_reported_as_they_are_found_again(
    direct: VenueUnderTest, case: Case
) -> None:
    await case.place(direct)
    heard = Heard(direct)
    move(direct, *case.wake, case.part, case.rest)
    fills: list[FillReport] = []
    while sum(fill.quantity for fill in fills) < QUANTITY:
        report = await heard.next()
        if isinstance(report, FillReport):
            fills.append(report)
    found = await direct.venue.fills_since(ACCOUNT, EVER)
    assert fills == [fill for fill in found if fill.client_order_id == "x"]


async def test_a_fill_is_reported_in_full(direct: VenueUnderTest) -> None:
    heard = Heard(direct)
    show(direct, "10.0", "10.1")
    answer = await accepted(direct.trader.submit(order("x", "buy", "market", "2")))
    fill = await heard.fill()
    assert fill.client_order_id == "x"
    assert fill.venue_order_id == answer.venue_order_id
    assert (fill.account_id, fill.symbol) == (ACCOUNT, INSTRUMENT.symbol)
    assert (fill.quantity, fill.price, fill.liquidity) == (D(2), D("10.1"), Liquidity.TAKER)
    assert (fill.fee, fill.fee_asset) == (FEES.fee(D("20.2"), Liquidity.TAKER), "USDT")


async def test_an_end_is_reported_with_its_reason(direct: VenueUnderTest) -> None:
    heard = Heard(direct)
    show(direct, "10.0", "10.1", "2")
    await accepted(direct.trader.submit(limit("x", "buy", "1", "9")))
    await accepted(direct.trader.cancel("x"))
    assert await heard.cancel() == ("x", "user")
    for name, tif in (("i", TimeInForce.IOC), ("f", TimeInForce.FOK)):
        await accepted(direct.trader.submit(limit(name, "buy", "5", "10.0", time_in_force=tif)))
        assert await heard.cancel() == (name, str(tif))


@pytest.mark.parametrize("case", CASES, ids=NAMES)
async def test_a_cancel_says_how_much_was_executed(direct: VenueUnderTest, case: Case) -> None:
    await case.place(direct)
    heard = Heard(direct)
    move(direct, *case.wake, case.part)
    await accepted(direct.trader.cancel("x"))
    assert await heard.end_of("x") == ("CancelReport", PART)
    assert await executed(direct, "x") == PART


@pytest.mark.parametrize("case", CASES, ids=NAMES)
async def test_a_cancel_says_that_nothing_was_executed(direct: VenueUnderTest, case: Case) -> None:
    await case.place(direct)
    heard = Heard(direct)
    await accepted(direct.trader.cancel("x"))
    assert await heard.end_of("x") == ("CancelReport", NOTHING)
    if case.partner is not None:
        assert await heard.end_of("y") == ("CancelReport", NOTHING)


async def test_what_is_ended_at_once_says_how_much_was_executed(direct: VenueUnderTest) -> None:
    heard = Heard(direct)
    show(direct, "10.0", "10.1", "1.5")
    for name, tif, filled in (("i", TimeInForce.IOC, PART), ("f", TimeInForce.FOK, NOTHING)):
        immediate = limit(name, "buy", "4", "10.1", time_in_force=tif)
        await accepted(direct.trader.submit(immediate))
        assert await heard.end_of(name) == ("CancelReport", filled)
        assert await executed(direct, name) == filled


async def test_what_has_nothing_left_to_reduce_says_how_much_was_executed(
    direct: VenueUnderTest,
) -> None:
    await open_position(direct)
    heard = Heard(direct)
    reducing = limit("r", "sell", str(QUANTITY), "11.0", reduce_only=True)
    await accepted(direct.trader.submit(reducing))
    print_trade(direct, "11.0", "1.5")
    await accepted(direct.trader.submit(limit("s", "sell", "2.5", "9.0")))
    show(direct, "10.0", "10.1")
    assert await heard.end_of("r") == ("CancelReport", PART)
    assert await executed(direct, "r") == PART


@pytest.mark.parametrize("filled", [NOTHING, PART])
async def test_an_expiry_says_how_much_was_executed(
    direct: VenueUnderTest, filled: Decimal
) -> None:
    heard = Heard(direct)
    expire_at = direct.clock.now() + timedelta(seconds=5)
    gtd = limit("g", "buy", "4", "9", time_in_force=TimeInForce.GTD, expire_at=expire_at)
    await accepted(direct.trader.submit(gtd))
    if filled:
        print_trade(direct, "9.0", str(filled))
    await direct.clock.until_asleep()
    await direct.clock.advance(6)
    assert await heard.end_of("g") == ("ExpireReport", filled)
    assert await executed(direct, "g") == filled


async def test_an_end_does_not_count_what_was_taken_back(direct: VenueUnderTest) -> None:
    heard = Heard(direct)
    await accepted(direct.trader.submit(limit("x", "buy", "4", "9")))
    print_trade(direct, "9.0", "1.5")
    print_trade(direct, "9.0", "1")
    first = await heard.fill()
    assert isinstance(await direct.bust(first), Accepted)
    await accepted(direct.trader.cancel("x"))
    assert await heard.end_of("x") == ("CancelReport", D(1))


async def executed(on: VenueUnderTest, name: str) -> Decimal:
    """As the venue's list of fills adds up."""
    fills = await on.trader.fills()
    return sum((fill.quantity for fill in fills if fill.client_order_id == name), NOTHING)


async def test_a_stop_says_that_it_triggered_before_it_fills(direct: VenueUnderTest) -> None:
    heard = Heard(direct)
    show(direct, "8.9", "9.1")
    await accepted(direct.trader.submit(order("s", "sell", "stop_loss", "1", stop_price=D(9))))
    print_trade(direct, "9.0")
    assert isinstance(await heard.next(), TriggerReport)
    assert (await heard.fill()).price == D("8.9")


async def test_a_trailing_stop_says_where_it_stands(direct: VenueUnderTest) -> None:
    heard = Heard(direct)
    trailing = order("t", "sell", "trailing_stop", "1", trailing_offset=D(1))
    await accepted(direct.trader.submit(trailing))
    print_trade(direct, "12.0")
    moved = await heard.next()
    assert isinstance(moved, StopMovedReport)
    assert moved.stop_price == D(11)


async def test_the_other_leg_is_reported_after_the_one_that_executed(
    direct: VenueUnderTest,
) -> None:
    heard = Heard(direct)
    stop = order("s", "sell", "stop_loss", "1", stop_price=D(9), linked="l")
    await accepted(direct.trader.submit(stop))
    await accepted(direct.trader.submit(limit("l", "sell", "1", "11", linked="s")))
    print_trade(direct, "11.0")
    assert (await heard.fill()).client_order_id == "l"
    assert await heard.cancel() == ("s", "oco")


async def test_an_expiry_is_reported(direct: VenueUnderTest) -> None:
    heard = Heard(direct)
    expire_at = direct.clock.now() + timedelta(seconds=5)
    gtd = limit("g", "buy", "1", "9", time_in_force=TimeInForce.GTD, expire_at=expire_at)
    await accepted(direct.trader.submit(gtd))
    await direct.clock.until_asleep()
    await direct.clock.advance(6)
    assert isinstance(await heard.next(), ExpireReport)


async def test_a_bust_is_reported(direct: VenueUnderTest) -> None:
    heard = Heard(direct)
    show(direct, "10.0", "10.1")
    await accepted(direct.trader.submit(order("x", "buy", "market", "2")))
    fill = await heard.fill()
    assert isinstance(await direct.bust(fill), Accepted)
    bust = await heard.next()
    assert isinstance(bust, BustReport)
    assert (bust.symbol, bust.trade_id, bust.client_order_id) == (
        fill.symbol,
        fill.trade_id,
        "x",
    )


async def test_every_listener_hears_the_same_from_its_call_on(direct: VenueUnderTest) -> None:
    early = Heard(direct)
    show(direct, "10.0", "10.1")
    await accepted(direct.trader.submit(order("a", "buy", "market", "1")))
    assert (await early.fill()).client_order_id == "a"
    late = Heard(direct)
    await accepted(direct.trader.submit(order("b", "buy", "market", "1")))
    assert (await late.fill()).client_order_id == "b"
    assert (await early.fill()).client_order_id == "b"


MOST = D(1_000)
"""More than any order here asks for: a fill of more is none."""


class Bookkeeper:
    """Books each execution once, and asks for those it may have missed."""

    def __init__(self, on: VenueUnderTest) -> None:
        self._on = on
        self.booked: dict[str, FillReport] = {}

    async def listen(self) -> None:
        async for report in self._on.venue.reports():
            if isinstance(report, FillReport):
                self._book(report)
            elif isinstance(report, StreamGap):
                for fill in await self._on.trader.fills(since=report.since):
                    self._book(fill)

    def _book(self, fill: FillReport) -> None:
        if fill.quantity < MOST:
            assert self.booked.setdefault(fill.trade_id, fill) == fill


async def test_what_is_heard_and_back_filled_is_what_was_made(on: VenueUnderTest) -> None:
    bookkeeper = Bookkeeper(on)
    listener = asyncio.create_task(bookkeeper.listen())
    await on.trader.pass_time(1)
    for number in range(20):
        await accepted(on.trader.submit(limit(f"x{number}", "buy", "1", "9")))
        print_trade(on, "9.0", "0.5")
        print_trade(on, "8.9", "0.5")
    made = {fill.trade_id: fill for fill in await on.trader.fills()}
    for _ in range(100):
        await on.trader.pass_time(1)
    assert bookkeeper.booked == made
    listener.cancel()
    await asyncio.gather(listener, return_exceptions=True)
