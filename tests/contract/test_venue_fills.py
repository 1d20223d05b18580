"""Executions: what they say, what they cost, and what they do to positions and balances."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from domain.fees import Liquidity
from domain.order.terms import TimeInForce
from domain.venue import Accepted, Rejected
from tests.contract.trader import ACCOUNT, EVER, OTHER_ACCOUNT, accepted
from tests.contract.venue_cases import CASES, NAMES, Case
from tests.contract.venue_story import D, limit, move, order, print_trade, show
from tests.contract.venues import FEES, INSTRUMENT, VenueUnderTest


@pytest.mark.parametrize("case", CASES, ids=NAMES)
async def test_each_execution_names_its_order(on: VenueUnderTest, case: Case) -> None:
    venue_order_id = await case.place(on)
    move(on, *case.wake, case.part, case.rest)
    fills = [fill for fill in await on.trader.fills() if fill.client_order_id == "x"]
    assert len(fills) == 2
    for fill in fills:
        assert (fill.venue_order_id, fill.account_id) == (venue_order_id, ACCOUNT)
        assert (fill.symbol, fill.fee_asset) == (INSTRUMENT.symbol, INSTRUMENT.settlement_asset)
        assert fill.fee == FEES.fee(fill.quantity * fill.price, fill.liquidity)


async def test_who_comes_to_the_market_takes_and_who_waits_makes(on: VenueUnderTest) -> None:
    await accepted(on.trader.submit(limit("maker", "buy", "2", "9.9")))
    print_trade(on, "9.9")
    show(on, "10.0", "10.1")
    await accepted(on.trader.submit(order("taker", "buy", "market", "2")))
    liquidity = {fill.client_order_id: fill.liquidity for fill in await on.trader.fills()}
    assert liquidity == {"maker": Liquidity.MAKER, "taker": Liquidity.TAKER}


async def test_of_two_linked_orders_one_executes(on: VenueUnderTest) -> None:
    stop = order("s", "sell", "stop_loss", "1", stop_price=D(9), linked="l")
    await accepted(on.trader.submit(stop))
    await accepted(on.trader.submit(limit("l", "sell", "1", "11", linked="s")))
    print_trade(on, "11.0")
    print_trade(on, "8.0")
    assert await on.trader.status("l") == ("filled", D(1), "")
    assert await on.trader.status("s") == ("cancelled", D(0), "oco")


async def test_a_dated_order_ends_at_its_date(on: VenueUnderTest) -> None:
    expire_at = on.clock.now() + timedelta(hours=10)
    gtd = limit("g", "buy", "2", "9", time_in_force=TimeInForce.GTD, expire_at=expire_at)
    await accepted(on.trader.submit(gtd))
    print_trade(on, "9.0", "0.5")
    await on.trader.pass_time(36_001)
    assert await on.trader.status("g") == ("expired", D("0.5"), "")
    print_trade(on, "8.9")
    assert await on.trader.status("g") == ("expired", D("0.5"), "")


# Since when


async def test_they_are_found_from_an_instant_on(direct: VenueUnderTest) -> None:
    show(direct, "10.0", "10.1")
    for name in ("a", "b"):
        await accepted(direct.trader.submit(order(name, "buy", "market", "1")))
        await direct.clock.advance(60)
    other = order("c", "buy", "market", "1", account_id=OTHER_ACCOUNT)
    await accepted(direct.trader.submit(other))
    first, second = await direct.venue.fills_since(ACCOUNT, EVER)
    assert (first.client_order_id, second.client_order_id) == ("a", "b")
    assert await direct.venue.fills_since(ACCOUNT, second.at) == [second]
    assert await direct.venue.fills_since(ACCOUNT, second.at + timedelta(microseconds=1)) == []


# Positions and balances


TRADES = [
    ("buy", "3", "10.1"),
    ("buy", "0.5", "11.3"),
    ("sell", "2", "12.7"),
    ("sell", "3.5", "9.9"),
    ("buy", "1.5", "8.7"),
    ("buy", "7", "9.3"),
    ("sell", "1", "9.1"),
]
TOLERANCE = Fraction(len(TRADES), 10**8)


async def test_a_position_costs_what_it_was_opened_for(on: VenueUnderTest) -> None:
    """Against fractions: the average price stays through a partial close, exactly."""
    held, cost, profit = Fraction(0), Fraction(0), Fraction(0)
    for number, (side, quantity, price) in enumerate(TRADES):
        show(on, price, price, quantity)
        await accepted(on.trader.submit(order(f"x{number}", side, "market", quantity)))
        signed = Fraction(quantity) * (1 if side == "buy" else -1)
        held, cost, profit = traded(held, cost, profit, signed, Fraction(price))
        positions = await on.trader.positions()
        assert sum(Fraction(each.quantity) for each in positions) == held
        assert abs(sum(Fraction(each.cost) for each in positions) - cost) < TOLERANCE
    fees = sum(fill.fee for fill in await on.trader.fills())
    began = on.trader.begun_with[ACCOUNT].get("USDT", Decimal(0))
    gained = Fraction((await on.trader.balances())["USDT"] - began + fees)
    assert abs(gained - profit) < TOLERANCE


def traded(
    held: Fraction, cost: Fraction, profit: Fraction, signed: Fraction, price: Fraction
) -> tuple[Fraction, Fraction, Fraction]:
    """Quantity, cost and profit after a trade."""
    closing = Fraction(0)
    if held * signed < 0:
        closing = min(abs(held), abs(signed)) * (1 if held > 0 else -1)
    share = cost * closing / held if held else Fraction(0)
    opening = signed + closing
    return held + signed, cost - share + opening * price, profit + closing * price - share


async def test_one_account_knows_nothing_of_another(on: VenueUnderTest) -> None:
    show(on, "10.0", "10.1")
    await accepted(on.trader.submit(order("x", "buy", "market", "1", account_id=OTHER_ACCOUNT)))
    assert await on.trader.fills() == []
    assert await on.trader.positions() == []
    assert await on.trader.balances() == on.trader.begun_with[ACCOUNT]


# What the venue takes back


async def test_a_busted_execution_never_was(on: VenueUnderTest) -> None:
    await accepted(on.trader.submit(limit("x", "buy", "2", "9")))
    print_trade(on, "9.0", "1")
    print_trade(on, "8.9", "1")
    first, second = await on.trader.fills()
    assert isinstance(await on.bust(first), Accepted)
    assert await on.trader.fills() == [second]
    assert await on.trader.status("x") == ("filled", D(1), "")
    (position,) = await on.trader.positions()
    assert position.quantity == D(1)
    again = await on.bust(first)
    assert isinstance(again, Rejected)
    assert again.code == "unknown_trade"


async def test_an_order_that_works_is_filled_again_for_a_bust(on: VenueUnderTest) -> None:
    await accepted(on.trader.submit(limit("x", "buy", "3", "9")))
    print_trade(on, "9.0", "1")
    (fill,) = await on.trader.fills()
    assert isinstance(await on.bust(fill), Accepted)
    assert await on.trader.status("x") == ("working", D(0), "")
    print_trade(on, "8.9")
    assert await on.trader.status("x") == ("filled", D(3), "")
