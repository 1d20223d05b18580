"""What an amendment changes, and when it comes too late."""

import asyncio
from datetime import timedelta

import pytest

from domain.venue import Absent, Accepted, Amendment, Rejected, SendWindow
from tests.contract.trader import ACCOUNT, OTHER_ACCOUNT, accepted, has_values, rejected
from tests.contract.venue_cases import CASES, NAMES, PART, Case
from tests.contract.venue_story import D, limit, move, print_trade, show
from tests.contract.venues import VenueUnderTest


@pytest.mark.parametrize("case", CASES, ids=NAMES)
async def test_each_value_it_has_can_be_changed(on: VenueUnderTest, case: Case) -> None:
    venue_order_id = await case.place(on)
    for change in case.amendments():
        answer = await accepted(on.trader.amend("x", change))
        assert answer.venue_order_id == venue_order_id
        state = await on.trader.known("x")
        assert has_values(state, change)
        assert (await on.trader.open_orders())["x"].terms == state.terms


@pytest.mark.parametrize("case", CASES, ids=NAMES)
async def test_less_than_it_was_is_what_it_fills(on: VenueUnderTest, case: Case) -> None:
    await case.place(on)
    move(on, *case.wake, case.part)
    await accepted(on.trader.amend("x", Amendment(quantity=D(2))))
    assert await on.trader.status("x") == ("working", PART, "")
    move(on, case.rest)
    assert await on.trader.status("x") == ("filled", D(2), "")


@pytest.mark.parametrize("case", CASES, ids=NAMES)
@pytest.mark.parametrize("quantity", ["0.5", "1.5"])
async def test_it_cannot_be_less_than_what_is_filled(
    on: VenueUnderTest, case: Case, quantity: str
) -> None:
    await case.place(on)
    move(on, *case.wake, case.part)
    answer = await rejected(on.trader.amend("x", Amendment(quantity=D(quantity))))
    assert answer.code == "quantity_filled"
    assert await on.trader.status("x") == ("working", PART, "")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (Amendment(), "no_change"),
        (Amendment(quantity=D(2)), "no_change"),
        (Amendment(quantity=D("1.2")), "lot_size"),
        (Amendment(limit_price=D("9.05")), "price_filter"),
        (Amendment(stop_price=D(8)), "not_amendable"),
        (Amendment(quantity=D(-1)), "quantity_filled"),
    ],
)
async def test_what_cannot_be_leaves_the_order_as_it_is(
    direct: VenueUnderTest, change: Amendment, code: str
) -> None:
    await accepted(direct.trader.submit(limit("x", "buy", "2", "9")))
    assert (await rejected(direct.venue.amend(ACCOUNT, "x", change))).code == code
    terms = (await direct.trader.known("x")).terms
    assert (terms.quantity, terms.limit_price) == (D(2), D(9))


@pytest.mark.parametrize("end", ["never", "filled", "cancelled"])
async def test_it_comes_too_late(on: VenueUnderTest, end: str) -> None:
    await accepted(on.trader.submit(limit("filled", "buy", "1", "9")))
    print_trade(on, "9.0")
    await accepted(on.trader.submit(limit("cancelled", "buy", "1", "9")))
    await accepted(on.trader.cancel("cancelled"))
    late = on.trader.amend(end, Amendment(quantity=D(2)))
    assert (await rejected(late)).code == "unknown_order"
    assert len(await on.trader.fills()) == 1


async def test_a_price_that_crosses_the_market_takes_at_once(on: VenueUnderTest) -> None:
    await accepted(on.trader.submit(limit("x", "buy", "1", "9")))
    show(on, "10.0", "10.1")
    await accepted(on.trader.amend("x", Amendment(limit_price=D("10.1"))))
    assert await on.trader.status("x") == ("filled", D(1), "")


async def test_an_amendment_that_races_a_fill_is_done_before_it_or_never(
    on: VenueUnderTest,
) -> None:
    for number in range(10):
        name = f"x{number}"
        await accepted(on.trader.submit(limit(name, "buy", "2", "9")))
        amend = asyncio.create_task(on.trader.amend(name, Amendment(quantity=D(3))))
        for _ in range(number % 3):
            await asyncio.sleep(0)
        print_trade(on, "9.0", "2")
        outcome = await amend
        state = await on.trader.known(name)
        if isinstance(outcome, Accepted):
            assert (state.terms.quantity, state.cum_quantity) == (D(3), D(2))
            await accepted(on.trader.cancel(name))
        else:
            assert (state.terms.quantity, state.cum_quantity) == (D(2), D(2))


@pytest.mark.parametrize(("sent", "valid"), [(-6, -0.000001), (3600, 3605)])
async def test_outside_its_window_it_changes_nothing(
    on: VenueUnderTest, sent: float, valid: float
) -> None:
    await accepted(on.trader.submit(limit("x", "buy", "2", "9")))
    now = on.clock.now()
    window = SendWindow(now + timedelta(seconds=sent), now + timedelta(seconds=valid))
    outcome = await on.trader.amend_once("x", Amendment(quantity=D(1)), window)
    if isinstance(outcome, Rejected):
        assert outcome.code == "outside_window"
    assert not isinstance(outcome, Accepted)
    assert (await on.trader.known("x")).terms.quantity == D(2)


async def test_it_cannot_name_an_order_of_another_account(on: VenueUnderTest) -> None:
    await accepted(on.trader.submit(limit("x", "buy", "2", "9")))
    await rejected(on.trader.amend("x", Amendment(quantity=D(1)), OTHER_ACCOUNT))
    assert isinstance(await on.trader.state("x", OTHER_ACCOUNT), Absent)
    assert (await on.trader.known("x")).terms.quantity == D(2)
