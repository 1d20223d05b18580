"""A lost answer is never the end of it: asking tells, and what is absent for good stays absent."""

from datetime import timedelta

import msgspec

from domain.venue import (
    Absent,
    Accepted,
    Amendment,
    OrderState,
    SendWindow,
    VenueOrder,
    VenueStatus,
)
from tests.contract.trader import PATIENCE, WINDOW
from tests.contract.venue_story import D, limit, print_trade, show
from tests.contract.venues import VenueUnderTest

MANY = 25


async def test_an_order_executes_at_most_once_whatever_became_of_the_answer(
    on: VenueUnderTest,
) -> None:
    show(on, "8.8", "9.0", "100")
    for number in range(MANY):
        await on.trader.send_once(windowed(on, f"x{number}"))
        fills = [fill for fill in await on.trader.fills() if fill.client_order_id == f"x{number}"]
        state = await on.trader.state(f"x{number}")
        if isinstance(state, OrderState):
            assert (state.status, state.cum_quantity) == (VenueStatus.FILLED, D(1))
            assert len(fills) == 1
        else:
            assert fills == []


async def test_what_is_absent_after_its_window_is_absent_for_good(on: VenueUnderTest) -> None:
    absent: list[str] = []
    for number in range(MANY):
        name = f"x{number}"
        order = windowed(on, name)
        assert order.window is not None
        outcome = await on.trader.send_once(order)
        state = await on.trader.state(name)
        if isinstance(state, Absent):
            await on.trader.pass_time(WINDOW.total_seconds() + 1)
            state = await on.trader.state(name)
        if isinstance(state, Absent):
            assert state.at > order.window.valid_until
            assert not isinstance(outcome, Accepted)
            absent.append(name)
    await on.trader.pass_time(100)
    print_trade(on, "8.9", "100")
    for name in absent:
        assert isinstance(await on.trader.state(name), Absent)
    executed = {fill.client_order_id for fill in await on.trader.fills()}
    assert executed == {f"x{number}" for number in range(MANY)} - set(absent)


async def test_a_word_of_the_venue_is_kept(on: VenueUnderTest) -> None:
    """What was answered with an acceptance is there, and with a rejection never comes."""
    for number in range(MANY):
        name = f"x{number}"
        quantity = D(1) if number % 2 else D("1.2")
        terms = msgspec.structs.replace(windowed(on, name).terms, quantity=quantity)
        order = msgspec.structs.replace(windowed(on, name), terms=terms)
        outcome = await on.trader.send_once(order)
        await on.trader.pass_time(PATIENCE)
        state = await on.trader.state(name)
        if isinstance(outcome, Accepted):
            assert isinstance(state, OrderState)
            assert state.venue_order_id == outcome.venue_order_id
        if quantity != D(1):
            assert isinstance(state, Absent)


async def test_an_amendment_whose_answer_is_lost_is_done_or_not_done(on: VenueUnderTest) -> None:
    for number in range(MANY):
        name = f"x{number}"
        assert isinstance(await on.trader.submit(limit(name, "buy", "2", "9")), Accepted)
        window = on.trader.window()
        outcome = await on.trader.amend_once(name, Amendment(quantity=D(3)), window)
        await on.trader.pass_time(PATIENCE)
        quantity = (await on.trader.known(name)).terms.quantity
        if isinstance(outcome, Accepted):
            assert quantity == D(3)
        assert quantity in (D(2), D(3))
        await on.trader.pass_time(100)
        assert (await on.trader.known(name)).terms.quantity == quantity


def windowed(on: VenueUnderTest, name: str) -> VenueOrder:
    now = on.clock.now()
    window = SendWindow(now, now + timedelta(seconds=5))
    return msgspec.structs.replace(limit(name, "buy", "1", "9"), window=window)
