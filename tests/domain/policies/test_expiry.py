from datetime import timedelta
from decimal import Decimal

import pytest

from domain.errors import InvalidInput
from domain.event import decode
from domain.order.events import OrderCancelRequested
from domain.order.order import Order
from domain.order.status import Ending
from domain.order.terms import OrderTerms, TimeInForce
from domain.policies.expiry import VENUE_GRACE
from domain.venue import Amendment, Rejected
from tests.domain.execution.sent import a_world, handle, last
from tests.domain.policies.desk import ABLE, PolicyDesk, accept, fill, record, types_of
from tests.domain.world import NOON, World, context_for, terms_of

HOUR = 3_600.0


def good_till(hours: float = 1, quantity: str = "1") -> OrderTerms:
    return terms_of(
        quantity=quantity,
        time_in_force=TimeInForce.GTD,
        expire_at=NOON + timedelta(hours=hours),
    )


async def working_till(hours: float = 1) -> tuple[World, PolicyDesk, str]:
    world, account_id = await a_world()
    order_id = (await world.place(account_id, good_till(hours))).order_id
    await accept(world, order_id)
    desk = PolicyDesk(world)
    await desk.run()
    return world, desk, order_id


def last_request(world: World, order_id: str) -> OrderCancelRequested:
    event = decode(world.recorded(Order.stream_of(order_id))[-1])
    assert isinstance(event, OrderCancelRequested)
    return event


async def test_an_order_that_outlives_its_date_is_cancelled() -> None:
    world, desk, order_id = await working_till()
    await desk.after(HOUR - 1)
    assert types_of(world, order_id)[-1] == "OrderAccepted"
    await desk.after(1)
    assert last_request(world, order_id).reason == "expired"
    await handle(world.here, last(world, "OrderCancelRequested"))
    await record(world, order_id, lambda order: order.cancel("user", NOON))
    before = len(world.store.events)
    await desk.after(HOUR)
    assert types_of(world, order_id).count("OrderCancelRequested") == 1
    assert len(world.store.events) == before + 1  # the release


async def test_a_venue_that_knows_dates_is_given_time() -> None:
    world, account_id = await a_world()
    order_id = (await world.place(account_id, good_till())).order_id
    await accept(world, order_id)
    desk = PolicyDesk(world, capabilities=ABLE)
    await desk.run()
    await desk.after(HOUR)
    assert types_of(world, order_id)[-1] == "OrderAccepted"
    await desk.after(VENUE_GRACE.total_seconds())
    assert last_request(world, order_id).reason == "expired"


async def test_a_refused_cancel_is_asked_again_ever_more_rarely() -> None:
    world, desk, order_id = await working_till()
    await desk.after(HOUR)
    asked_after = []
    since = world.clock.at
    for _ in range(300):
        if types_of(world, order_id)[-1] == "OrderCancelRequested":
            asked_after.append((world.clock.at - since).total_seconds())
            world.venue.outcomes.append(Rejected("busy", "later", NOON))
            await handle(world.here, last(world, "OrderCancelRequested"))
        await desk.after(1)
    assert asked_after == [0, 5, 15, 35, 75, 135, 195, 255]
    ids = [e.request_id for e in await events_of(world, order_id)]
    assert ids == [f"policy:expiry:{number}" for number in range(1, 9)]


async def events_of(world: World, order_id: str) -> list[OrderCancelRequested]:
    events = map(decode, world.recorded(Order.stream_of(order_id)))
    return [event for event in events if isinstance(event, OrderCancelRequested)]


async def test_somebody_else_has_asked_already() -> None:
    world, desk, order_id = await working_till()
    await record(world, order_id, lambda order: order.request_cancel("mine", "x", NOON))
    await desk.after(2 * HOUR)
    assert [e.request_id for e in await events_of(world, order_id)] == ["mine"]


async def test_an_order_that_has_ended_is_forgotten() -> None:
    world, desk, order_id = await working_till()
    await fill(world, order_id, "1", "1", "100")
    await desk.run()
    assert len(desk.agendas["expiry"]) == 0
    await desk.after(2 * HOUR)
    assert types_of(world, order_id)[-1] == "OrderFilled"


async def test_a_filled_order_that_works_again_expires() -> None:
    """The venue took the larger quantity after the smaller one had filled."""
    world, desk, order_id = await working_till()
    await record(
        world,
        order_id,
        lambda order: order.request_amend(
            "a", Amendment(quantity=Decimal(2)), order.worst_price, (), NOON
        ),
    )
    await fill(world, order_id, "1", "1", "100")
    await desk.run()
    await record(world, order_id, lambda order: order.amend(NOON))
    await desk.run()
    await desk.after(HOUR)
    assert last_request(world, order_id).reason == "expired"


async def test_what_was_never_sent_is_withheld() -> None:
    world, account_id = await a_world()
    order_id = (await world.place(account_id, good_till())).order_id
    desk = PolicyDesk(world)
    await desk.run()
    await desk.after(HOUR)
    await handle(world.here, last(world, "OrderCancelRequested"))
    assert (await world.order(order_id)).ending is Ending.WITHHELD


async def test_orders_without_a_date_make_no_appointments() -> None:
    world, account_id = await a_world()
    await world.place(account_id, terms_of())
    desk = PolicyDesk(world)
    await desk.run()
    assert len(desk.agendas["expiry"]) == 0


@pytest.mark.parametrize("seconds", [0, -1])
async def test_a_date_that_has_passed_is_refused(seconds: int) -> None:
    world, account_id = await a_world()
    before = len(world.store.events)
    terms = good_till(seconds / HOUR)
    with pytest.raises(InvalidInput) as refusal:
        await world.place(account_id, terms)
    assert (refusal.value.code, refusal.value.field) == ("expired", "expire_at")
    assert len(world.store.events) == before


async def test_a_repeated_request_is_answered_after_its_date() -> None:
    world, account_id = await a_world()
    first = await world.place(account_id, good_till())
    world.clock.at += timedelta(hours=2)
    assert (await world.place(account_id, good_till())).order_id == first.order_id
    assert context_for("place", "k").derived_id("order") == first.order_id
