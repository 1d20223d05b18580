import asyncio
from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest

from domain.execution.inquiry import LISTED_AFTER
from domain.order.order import SEND_WINDOW, Order
from domain.order.status import OrderStatus
from domain.order.terms import OrderType, Side
from domain.use_cases.requests import AmendOrder, CancelOrder
from domain.venue import Absent, Ambiguous, Amendment, OpenOrder, OrderState, VenueStatus
from tests.domain.execution.sent import a_world, handle, last, placed, sent
from tests.domain.world import NOON, World, a_fill, context_for, terms_of, until

AMBIGUOUS = Ambiguous("timeout")
AFTER = SEND_WINDOW + timedelta(seconds=1, microseconds=1)


async def lost(world: World, account_id: str) -> Order:
    """An order whose answer never came."""
    world.venue.outcomes.append(AMBIGUOUS)
    return await sent(world, account_id)


def venue_has(world: World, order: Order, status: VenueStatus, filled: str = "0") -> None:
    world.venue.states[order.venue_client_id] = OrderState(
        order.venue_client_id,
        "v",
        order.account_id,
        status,
        Decimal(filled),
        "user",
        NOON,
        order.terms,
    )


async def ask(world: World, *orders: Order) -> None:
    await world.here.inquiry.ask_all([order.id for order in orders])


async def status_of(world: World, order: Order) -> OrderStatus:
    return (await world.order(order.id)).status


async def test_absent_is_not_rejected_while_it_can_still_arrive() -> None:
    world, account_id = await a_world()
    order = await lost(world, account_id)
    world.venue.clock = NOON + AFTER - timedelta(microseconds=1)
    for _ in range(3):
        await ask(world, order)
    assert await status_of(world, order) is OrderStatus.UNKNOWN
    await world.settle()
    assert (await world.account_state(account_id)).reserved("USDT") > 0


async def test_absent_for_good_is_rejected_and_releases() -> None:
    world, account_id = await a_world()
    order = await lost(world, account_id)
    world.venue.clock = NOON + AFTER
    for _ in range(2):
        await ask(world, order)
    assert await status_of(world, order) is OrderStatus.REJECTED
    await world.settle()
    assert (await world.account_state(account_id)).reserved("USDT") == 0
    assert [name for name, _ in world.venue.sent] == ["submit"]


async def test_it_is_the_venues_clock_that_counts() -> None:
    world, account_id = await a_world()
    order = await lost(world, account_id)
    world.clock.at += timedelta(hours=1)
    await ask(world, order)
    assert await status_of(world, order) is OrderStatus.UNKNOWN


async def test_among_the_open_orders_is_not_absent() -> None:
    world, account_id = await a_world()
    order = await lost(world, account_id)
    world.venue.clock = NOON + AFTER
    world.venue.working = [
        OpenOrder(order.venue_client_id, "v", account_id, order.terms, Decimal(0))
    ]
    await ask(world, order)
    assert await status_of(world, order) is OrderStatus.UNKNOWN


async def test_a_fill_is_evidence_although_the_order_is_not_found() -> None:
    world, account_id = await a_world()
    order = await lost(world, account_id)
    world.venue.clock = NOON + AFTER
    world.venue.fills = [a_fill(order, "1", "0.4")]
    await ask(world, order)
    found = await world.order(order.id)
    assert (found.status, found.cum_quantity) == (OrderStatus.UNKNOWN, Decimal("0.4"))


@pytest.mark.parametrize(
    ("status", "filled", "expected"),
    [
        (VenueStatus.WORKING, "0", OrderStatus.NEW),
        (VenueStatus.WORKING, "0.4", OrderStatus.PARTIALLY_FILLED),
        (VenueStatus.FILLED, "1", OrderStatus.FILLED),
        (VenueStatus.CANCELLED, "0.4", OrderStatus.CANCELLED),
        (VenueStatus.EXPIRED, "0", OrderStatus.EXPIRED),
    ],
)
async def test_the_venues_evidence_ends_the_doubt(
    status: VenueStatus, filled: str, expected: OrderStatus
) -> None:
    world, account_id = await a_world()
    order = await lost(world, account_id)
    venue_has(world, order, status, filled)
    if filled != "0":
        world.venue.fills = [a_fill(order, "1", filled)]
    for _ in range(2):
        await ask(world, order)
    assert await status_of(world, order) is expected
    assert (await world.order(order.id)).cum_quantity == Decimal(filled)


async def test_no_ending_while_fills_are_missing() -> None:
    world, account_id = await a_world()
    order = await lost(world, account_id)
    venue_has(world, order, VenueStatus.CANCELLED, "0.4")
    await ask(world, order)
    assert await status_of(world, order) is OrderStatus.UNKNOWN
    world.venue.fills = [a_fill(order, "1", "0.4")]
    await ask(world, order)
    assert await status_of(world, order) is OrderStatus.CANCELLED


async def test_fills_before_the_order_by_the_venues_clock_are_found() -> None:
    world, account_id = await a_world()
    order = await lost(world, account_id)
    world.venue.fills = [a_fill(order, "1", "1", at=NOON - timedelta(hours=2))]
    venue_has(world, order, VenueStatus.FILLED, "1")
    await ask(world, order)
    assert await status_of(world, order) is OrderStatus.FILLED


async def test_no_answer_changes_nothing() -> None:
    world, account_id = await a_world()
    order = await lost(world, account_id)
    world.venue.is_down = True
    before = len(world.store.events)
    await ask(world, order)
    assert len(world.store.events) == before


async def test_nonsense_for_an_answer_changes_nothing_and_is_kept() -> None:
    world, account_id = await a_world()
    order = await lost(world, account_id)
    world.venue.nonsense = "<html>"
    for _ in range(2):
        await ask(world, order)
    assert await status_of(world, order) is OrderStatus.UNKNOWN
    assert [e.type for e in world.store.events].count("VenueDataProblem") == 1
    assert "<html>" in last(world, "VenueDataProblem").data.decode()


async def test_what_the_venue_forgot_stays_unknown() -> None:
    """It had taken the order: that it knows nothing of it now is no evidence of its end."""
    world, account_id = await a_world()
    order = await sent(world, account_id)
    world.venue.clock = NOON + AFTER
    await ask(world, order)
    assert await status_of(world, order) is OrderStatus.UNKNOWN
    assert last(world, "VenueDataProblem")


async def test_a_cancel_the_venue_has_not_had_is_to_be_sent_again() -> None:
    world, account_id = await a_world()
    order = await sent(world, account_id)
    await world.here.orders.cancel(CancelOrder(order.id, "c", ""), context_for("c"))
    world.venue.outcomes.append(AMBIGUOUS)
    await handle(world.here, last(world, "OrderCancelRequested"))
    venue_has(world, order, VenueStatus.WORKING)
    await ask(world, order)
    assert await status_of(world, order) is OrderStatus.PENDING_CANCEL
    assert world.here.inquiry.cancels.get_nowait().pending_cancel == "c"


@pytest.mark.parametrize("taken", [True, False])
async def test_an_amendment_without_an_answer(*, taken: bool) -> None:
    world, account_id = await a_world()
    order = await sent(world, account_id)
    request = AmendOrder(order.id, "a", Amendment(quantity=Decimal(2)))
    await world.here.orders.amend(request, context_for("a"))
    world.venue.outcomes.append(AMBIGUOUS)
    await handle(world.here, last(world, "OrderAmendRequested"))
    venue_has(world, order, VenueStatus.WORKING)
    if taken:
        state = world.venue.states[order.venue_client_id]
        terms = msgspec.structs.replace(order.terms, quantity=Decimal(2))
        world.venue.states[order.venue_client_id] = msgspec.structs.replace(state, terms=terms)
    else:
        await ask(world, order)
        assert (await world.order(order.id)).pending_amend == "a"
        world.venue.clock = NOON + AFTER
    await ask(world, order)
    amended = await world.order(order.id)
    assert (amended.status, amended.pending_amend) == (OrderStatus.NEW, None)
    assert amended.terms.quantity == (2 if taken else 1)


async def test_what_was_not_submitted_is_not_asked_about() -> None:
    world, account_id = await a_world()
    order = await placed(world, account_id)
    before = len(world.store.events)
    await ask(world, order)
    assert len(world.store.events) == before


async def test_what_cannot_be_is_a_problem_and_the_order_unknown() -> None:
    world, account_id = await a_world()
    order = await lost(world, account_id)
    venue_has(world, order, VenueStatus.FILLED, "1")
    world.venue.fills = [a_fill(order, "1", "1", price="NaN")]
    await ask(world, order)
    assert await status_of(world, order) is OrderStatus.UNKNOWN
    assert last(world, "VenueDataProblem")


async def test_a_fill_the_venue_does_not_list_any_more_was_busted() -> None:
    world, account_id = await a_world()
    order = await sent(world, account_id)
    kept, gone = a_fill(order, "1", "0.4"), a_fill(order, "2", "0.6")
    for fill in (kept, gone):
        await world.here.booking.book(fill)
    venue_has(world, order, VenueStatus.FILLED, "0.4")
    world.venue.fills = [kept]
    world.venue.clock = NOON + LISTED_AFTER - timedelta(microseconds=1)
    await ask(world, order)
    assert (await world.order(order.id)).cum_quantity == 1
    world.venue.clock = NOON + LISTED_AFTER
    for _ in range(2):
        await ask(world, order)
    found = await world.order(order.id)
    assert (found.cum_quantity, found.busted) == (Decimal("0.4"), {"2"})


async def test_a_list_that_is_not_whole_takes_no_fill_back() -> None:
    world, account_id = await a_world()
    order = await sent(world, account_id)
    for fill in (a_fill(order, "1", "0.4"), a_fill(order, "2", "0.6")):
        await world.here.booking.book(fill)
    venue_has(world, order, VenueStatus.FILLED, "1")
    world.venue.fills = [a_fill(order, "1", "0.4")]
    world.venue.clock = NOON + LISTED_AFTER
    await ask(world, order)
    world.venue.states.clear()
    world.venue.fills = []
    await ask(world, order)
    found = await world.order(order.id)
    assert found.cum_quantity == 1
    assert not found.busted


async def test_listed_quantities_that_cannot_be_added_up_are_a_problem() -> None:
    world, account_id = await a_world()
    order = await sent(world, account_id)
    await world.here.booking.book(a_fill(order, "1", "0.4"))
    venue_has(world, order, VenueStatus.WORKING, "0.4")
    world.venue.fills = [a_fill(order, "2", "sNaN")]
    world.venue.clock = NOON + LISTED_AFTER
    await ask(world, order)
    assert (await world.order(order.id)).cum_quantity == Decimal("0.4")
    assert last(world, "VenueDataProblem")


async def test_an_answer_about_another_order_is_none() -> None:
    world, account_id = await a_world()
    asked, other = await lost(world, account_id), await sent(world, account_id)
    venue_has(world, other, VenueStatus.CANCELLED)
    world.venue.states[asked.venue_client_id] = world.venue.states[other.venue_client_id]
    assert not await world.here.inquiry.ask_all([asked.id])
    assert await status_of(world, asked) is OrderStatus.UNKNOWN
    assert await status_of(world, other) is OrderStatus.NEW
    assert last(world, "VenueDataProblem")


async def test_an_order_that_vanished_is_one_problem_however_often_it_is_asked_about() -> None:
    world, account_id = await a_world()
    order = await sent(world, account_id)
    for seconds in range(3):
        world.venue.clock = NOON + timedelta(seconds=seconds)
        await ask(world, order)
    assert [event.type for event in world.store.events].count("VenueDataProblem") == 1


async def test_a_suspicion_outlives_another_reason_to_ask() -> None:
    world, account_id = await a_world()
    order = await sent(world, account_id)
    inquiry = world.here.inquiry
    inquiry.suspect(order.id)
    inquiry.watch(order.id)
    venue_has(world, order, VenueStatus.WORKING)
    await ask(world, order)
    world.venue.fills = [a_fill(order, "1", "0.5")]
    running = asyncio.create_task(inquiry.run())
    await until(lambda: world.store.events[-1].type == "OrderFilled")
    running.cancel()


async def test_a_bust_that_was_missed_makes_room_for_the_fill_after_it() -> None:
    world, account_id = await a_world()
    order = await sent(world, account_id)
    await world.here.booking.book(a_fill(order, "1", "1"))
    venue_has(world, order, VenueStatus.FILLED, "1")
    world.venue.fills = [a_fill(order, "2", "1")]
    world.venue.clock = NOON + LISTED_AFTER
    await ask(world, order)
    found = await world.order(order.id)
    assert (list(found.fills), found.busted) == (["2"], {"1"})


async def test_a_suspected_order_is_asked_about_although_nothing_is_in_doubt() -> None:
    world, account_id = await a_world()
    order = await sent(world, account_id)
    running = asyncio.create_task(world.here.inquiry.run())
    world.venue.fills = [a_fill(order, "1", "0.5")]
    venue_has(world, order, VenueStatus.WORKING, "0.5")
    world.here.inquiry.suspect(order.id)
    await until(lambda: world.store.events[-1].type == "OrderFilled")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_an_amendment_that_ends_the_order_answers_its_cancel() -> None:
    world, account_id = await a_world()
    order = await sent(world, account_id)
    await world.here.booking.book(a_fill(order, "1", "0.5"))
    request = AmendOrder(order.id, "a", Amendment(quantity=Decimal("0.6")))
    await world.here.orders.amend(request, context_for("a"))
    await world.here.orders.cancel(CancelOrder(order.id, "c", ""), context_for("c"))
    await world.here.booking.book(a_fill(order, "2", "0.1"))
    await handle(world.here, last(world, "OrderAmendRequested"))
    ended = await world.order(order.id)
    assert (ended.status, ended.pending_cancel) == (OrderStatus.FILLED, None)


async def test_an_answer_does_not_tell_of_what_was_asked_for_after_the_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Quantity 1, asked for 3, then for 1 again: the venue's old answer shows the 1 it had."""
    world, account_id = await a_world()
    order = await sent(world, account_id)
    venue_has(world, order, VenueStatus.WORKING)
    find_order = world.venue.find_order

    async def find_slowly(account_id: str, client_order_id: str) -> OrderState | Absent:
        answer = await find_order(account_id, client_order_id)
        for request_id, quantity in (("a", 3), ("b", 1)):
            amendment = Amendment(quantity=Decimal(quantity))
            request = AmendOrder(order.id, request_id, amendment)
            await world.here.orders.amend(request, context_for(request_id))
            if request_id == "a":
                await handle(world.here, last(world, "OrderAmendRequested"))
        return answer

    monkeypatch.setattr(world.venue, "find_order", find_slowly)
    await ask(world, order)
    assert (await world.order(order.id)).pending_amend == "b"
    await handle(world.here, last(world, "OrderAmendRequested"))
    assert [request for request, _ in world.venue.sent] == ["submit", "amend", "amend"]


async def test_only_what_the_amendment_asked_for_has_to_be_seen() -> None:
    """A venue that has no trailing stops works the order as a stop with a price of its own."""
    world, account_id = await a_world()
    trailing = terms_of(OrderType.TRAILING_STOP, Side.SELL, trailing_offset="5")
    order = await sent(world, account_id, trailing)
    request = AmendOrder(order.id, "a", Amendment(quantity=Decimal(2)))
    await world.here.orders.amend(request, context_for("a"))
    world.venue.outcomes.append(AMBIGUOUS)
    await handle(world.here, last(world, "OrderAmendRequested"))
    terms = terms_of(OrderType.STOP_LOSS, Side.SELL, "2", stop_price="95")
    venue_has(world, order, VenueStatus.WORKING)
    state = world.venue.states[order.venue_client_id]
    world.venue.states[order.venue_client_id] = msgspec.structs.replace(state, terms=terms)
    world.venue.clock = NOON + AFTER
    await ask(world, order)
    assert types_of(world, order)[-1] == "OrderAmended"


def types_of(world: World, order: Order) -> list[str]:
    return [event.type for event in world.recorded(order.stream)]
