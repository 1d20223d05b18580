"""A cancel ends an order, or comes too late; never both."""

import asyncio

import pytest

from domain.venue import Accepted
from tests.contract.trader import OTHER_ACCOUNT, accepted, rejected
from tests.contract.venue_cases import CASES, NAMES, PART, QUANTITY, Case
from tests.contract.venue_story import D, limit, move, print_trade
from tests.contract.venues import VenueUnderTest

NOTHING = D(0)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
async def test_it_ends_what_waits(on: VenueUnderTest, case: Case) -> None:
    venue_order_id = await case.place(on)
    answer = await accepted(on.trader.cancel("x"))
    assert answer.venue_order_id == venue_order_id
    assert await on.trader.status("x") == ("cancelled", NOTHING, "user")
    move(on, *case.wake, case.part, case.rest)
    assert await on.trader.status("x") == ("cancelled", NOTHING, "user")
    if case.partner is not None:
        assert await on.trader.status("y") == ("cancelled", NOTHING, "oco")


@pytest.mark.parametrize("case", CASES, ids=NAMES)
async def test_it_keeps_what_was_filled(on: VenueUnderTest, case: Case) -> None:
    await case.place(on)
    move(on, *case.wake, case.part)
    await accepted(on.trader.cancel("x"))
    move(on, case.rest)
    assert await on.trader.status("x") == ("cancelled", PART, "user")


@pytest.mark.parametrize("case", CASES, ids=NAMES)
async def test_what_is_filled_cannot_be_cancelled(on: VenueUnderTest, case: Case) -> None:
    await case.place(on)
    move(on, *case.wake, case.part, case.rest)
    assert (await rejected(on.trader.cancel("x"))).code == "unknown_order"
    assert await on.trader.status("x") == ("filled", QUANTITY, "")


async def test_what_never_was_or_has_ended_cannot_be_cancelled(on: VenueUnderTest) -> None:
    assert (await rejected(on.trader.cancel("never"))).code == "unknown_order"
    await accepted(on.trader.submit(limit("x", "buy", "1", "9")))
    await accepted(on.trader.cancel("x"))
    assert (await rejected(on.trader.cancel("x"))).code == "unknown_order"


async def test_it_cannot_name_an_order_of_another_account(on: VenueUnderTest) -> None:
    await accepted(on.trader.submit(limit("x", "buy", "1", "9")))
    await rejected(on.trader.cancel("x", OTHER_ACCOUNT))
    assert await on.trader.status("x") == ("working", NOTHING, "")


async def test_a_cancel_that_races_a_fill_has_one_winner(on: VenueUnderTest) -> None:
    for number in range(10):
        name = f"x{number}"
        await accepted(on.trader.submit(limit(name, "buy", "1", "9")))
        cancel = asyncio.create_task(on.trader.cancel(name))
        for _ in range(number % 3):
            await asyncio.sleep(0)
        print_trade(on, "9.0")
        outcome = await cancel
        status, filled, _ = await on.trader.status(name)
        if isinstance(outcome, Accepted):
            assert (status, filled) == ("cancelled", NOTHING)
        else:
            assert (status, filled) == ("filled", D(1))


async def test_a_cancel_that_races_a_partial_fill_keeps_it_or_not(on: VenueUnderTest) -> None:
    for number in range(10):
        name = f"x{number}"
        await accepted(on.trader.submit(limit(name, "buy", "2", "9")))
        cancel = asyncio.create_task(on.trader.cancel(name))
        for _ in range(number % 3):
            await asyncio.sleep(0)
        print_trade(on, "9.0", "0.5")
        await accepted(cancel)
        status, filled, _ = await on.trader.status(name)
        assert status == "cancelled"
        assert filled in (NOTHING, D("0.5"))


async def test_of_two_cancels_one_does_it(on: VenueUnderTest) -> None:
    await accepted(on.trader.submit(limit("x", "buy", "1", "9")))
    outcomes = await asyncio.gather(on.trader.cancel("x"), on.trader.cancel("x"))
    assert any(isinstance(outcome, Accepted) for outcome in outcomes)
    assert await on.trader.status("x") == ("cancelled", NOTHING, "user")
