"""What a venue answers of orders it has, had, or never saw."""

from datetime import timedelta

import pytest

from domain.venue import Absent, Amendment, VenueStatus
from tests.contract.trader import OTHER_ACCOUNT, accepted
from tests.contract.venue_cases import CASES, NAMES, QUANTITY, Case
from tests.contract.venue_story import D, limit, move, print_trade
from tests.contract.venues import VenueUnderTest


@pytest.mark.parametrize("case", CASES, ids=NAMES)
async def test_an_order_is_told_the_same_by_either_id(on: VenueUnderTest, case: Case) -> None:
    venue_order_id = await case.place(on)
    for moves in ((), case.wake, (case.part,), (case.rest,)):
        move(on, *moves)
        by_client_id = await on.trader.known("x")
        by_venue_id = await on.trader.by_venue_id(venue_order_id)
        assert by_client_id == by_venue_id
        assert by_client_id.terms == case.placed.terms
    assert by_client_id.status is VenueStatus.FILLED
    assert by_client_id.cum_quantity == QUANTITY


async def test_any_order_it_ever_had_is_found_by_its_client_id(on: VenueUnderTest) -> None:
    first = await accepted(on.trader.submit(limit("x", "buy", "2", "9")))
    assert await on.trader.status("x") == ("working", D(0), "")
    print_trade(on, "9.0", "1")
    assert await on.trader.status("x") == ("working", D(1), "")
    await accepted(on.trader.cancel("x"))
    assert await on.trader.status("x") == ("cancelled", D(1), "user")
    second = await accepted(on.trader.submit(limit("x", "buy", "1", "9")))
    assert second.venue_order_id != first.venue_order_id
    print_trade(on, "9.0", "1")
    assert await on.trader.status("x") == ("filled", D(1), "")
    older = await on.trader.by_venue_id(first.venue_order_id)
    assert not isinstance(older, Absent)
    assert (older.status, older.cum_quantity) == (VenueStatus.CANCELLED, D(1))


async def test_an_order_has_the_terms_it_was_amended_to(on: VenueUnderTest) -> None:
    await accepted(on.trader.submit(limit("x", "buy", "2", "9")))
    await accepted(on.trader.amend("x", Amendment(quantity=D(3), limit_price=D("9.1"))))
    await accepted(on.trader.amend("x", Amendment(quantity=D("2.5"))))
    await accepted(on.trader.cancel("x"))
    terms = (await on.trader.known("x")).terms
    assert (terms.quantity, terms.limit_price) == (D("2.5"), D("9.1"))


async def test_what_it_never_saw_is_absent_at_its_own_time(on: VenueUnderTest) -> None:
    await accepted(on.trader.submit(limit("x", "buy", "2", "9")))
    placed = await on.trader.known("x")
    before = on.clock.now()
    absences = [
        await on.trader.state("never"),
        await on.trader.state("x", OTHER_ACCOUNT),
        await on.trader.by_venue_id("never"),
        await on.trader.by_venue_id(placed.venue_order_id, OTHER_ACCOUNT),
    ]
    for absent in absences:
        assert isinstance(absent, Absent)
        assert before <= absent.at <= on.clock.now()


async def test_the_time_of_a_state_is_that_of_its_last_change(direct: VenueUnderTest) -> None:
    await accepted(direct.trader.submit(limit("x", "buy", "2", "9")))
    placed_at = direct.clock.now()
    await direct.clock.advance(60)
    assert (await direct.trader.known("x")).at == placed_at
    print_trade(direct, "9.0", "1")
    assert (await direct.trader.known("x")).at == placed_at + timedelta(seconds=60)
