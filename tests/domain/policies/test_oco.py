from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.account.events import OcoBothFilled
from domain.event import decode
from domain.log import LogUnavailable
from domain.order.events import OrderCancelRequested
from domain.order.order import Order
from domain.order.status import Ending
from domain.policies.oco import to_take_off
from domain.policies.orphans import ORPHAN_DEADLINE
from domain.venue import Rejected
from tests.domain.execution.sent import a_world, handle, last
from tests.domain.order.orders import working
from tests.domain.policies.desk import (
    ABLE,
    OCO,
    PolicyDesk,
    accept,
    fill,
    oco_pair,
    record,
    types_of,
)
from tests.domain.world import NOON, World, a_fill, context_for

DEADLINE = ORPHAN_DEADLINE.total_seconds()

ENDS = [
    ("filled", lambda order: order.fill(a_fill(order, "1", "1", "110"), NOON)),
    ("partly filled", lambda order: order.fill(a_fill(order, "1", "0.1", "110"), NOON)),
    ("triggered", lambda order: order.trigger(order.worst_price, NOON, NOON)),
    ("cancelled", lambda order: order.cancel("user", NOON)),
    ("expired", lambda order: order.expire(NOON)),
    ("rejected", lambda order: order.reject("no", "no", NOON)),
]


async def pair(capabilities=None) -> tuple[World, PolicyDesk, str, str]:  # type: ignore[no-untyped-def]
    world, account_id = await a_world()
    first, second = await oco_pair(world, account_id)
    desk = PolicyDesk(world, capabilities=capabilities) if capabilities else PolicyDesk(world)
    await desk.run()
    return world, desk, first, second


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize(("what", "happen"), ENDS)
async def test_what_decides_one_leg_takes_the_other_off(what, happen, swapped) -> None:  # type: ignore[no-untyped-def]
    world, desk, first, second = await pair()
    leg, other = (second, first) if swapped else (first, second)
    assert types_of(world, other)[-1] == "OrderAccepted"
    await record(world, leg, happen)
    await desk.run()
    requested = decode(world.recorded(Order.stream_of(other))[-1])
    assert isinstance(requested, OrderCancelRequested)
    assert requested.reason == "oco"
    await desk.after(100)
    assert types_of(world, other)[-1] == "OrderCancelRequested"


async def test_an_accepted_pair_is_left_alone() -> None:
    world, desk, first, second = await pair()
    await desk.after(10 * DEADLINE)
    for order_id in (first, second):
        assert types_of(world, order_id) == ["OrderPlaced", "OrderSubmitting", "OrderAccepted"]


async def test_a_venue_that_links_orders_is_given_time_to_do_it() -> None:
    world, desk, first, second = await pair(ABLE)
    await fill(world, first, "1", "1", "110")
    await desk.run()
    await desk.after(1.9)
    assert types_of(world, second)[-1] == "OrderAccepted"
    await record(world, second, lambda order: order.cancel("oco", world.clock.now()))
    await desk.after(1000)
    assert "OrderCancelRequested" not in types_of(world, second)


async def test_a_venue_that_links_orders_and_does_not_cancel_is_asked() -> None:
    world, desk, first, second = await pair(ABLE)
    await fill(world, first, "1", "0.5", "110")
    await desk.run()
    await desk.after(1)
    await fill(world, first, "2", "0.1", "110")
    await desk.run()
    await desk.after(1)
    assert types_of(world, second)[-1] == "OrderCancelRequested"


async def test_a_refused_cancel_is_asked_for_again_later() -> None:
    world, desk, first, second = await pair()
    await fill(world, first, "1", "1", "110")
    await desk.run()
    world.venue.outcomes.append(Rejected("busy", "later", NOON))
    await handle(world.here, last(world, "OrderCancelRequested"))
    await desk.run()
    assert types_of(world, second)[-1] == "OrderCancelRejected"
    await desk.after(5)
    assert types_of(world, second)[-2:] == ["OrderCancelRejected", "OrderCancelRequested"]
    requests = [e for e in world.store.events if e.type == "OrderCancelRequested"]
    assert len({request.id for request in requests}) == 2


async def test_a_leg_that_was_not_sent_is_withheld_by_execution() -> None:
    world, account_id = await a_world()
    answer = await world.place(account_id, OCO)
    assert answer.linked_order_id is not None
    await accept(world, answer.order_id)
    await fill(world, answer.order_id, "1", "1", "110")
    await PolicyDesk(world).run()
    await handle(world.here, last(world, "OrderCancelRequested"))
    assert (await world.order(answer.linked_order_id)).ending is Ending.WITHHELD
    assert not any(request == "cancel" for request, _ in world.venue.sent)


async def test_both_legs_filled_in_a_race_are_booked_and_flagged_once() -> None:
    world, desk, first, second = await pair()
    await fill(world, first, "1", "0.7", "110")
    await fill(world, second, "2", "1", "90")
    await desk.run()
    await fill(world, first, "3", "0.3", "110")
    await desk.run()
    await desk.after(100)
    flags = [decode(e) for e in world.store.events if e.type == "OcoBothFilled"]
    assert len(flags) == 1
    (flag,) = flags
    assert isinstance(flag, OcoBothFilled)
    assert {flag.order_id, flag.linked_order_id} == {first, second}
    assert str(flag.quantity) == "0.7"
    account = await world.account_state(flag.originator_id)
    assert account.position_quantity("BTCUSDT") == -2
    assert account.reservations == {}


async def one_leg_only(processes: int = 1) -> tuple[World, str, str]:
    """A placement that died between its legs."""
    world, account_id = await a_world(processes)
    log, append, orders = world.here.log, world.here.log.append, 0

    async def die_at_the_second_leg(stream, *args, **options):  # type: ignore[no-untyped-def]
        nonlocal orders
        orders += stream.startswith("order-")
        if orders == 2:
            log.append = append  # type: ignore[method-assign]
            raise LogUnavailable("gone")
        return await append(stream, *args, **options)

    log.append = die_at_the_second_leg  # type: ignore[method-assign]  # the crash is the test
    with pytest.raises(LogUnavailable):
        await world.place(account_id, OCO)
    context = context_for("place", "k")
    return world, context.derived_id("order"), context.derived_id("order/stop")


async def test_a_leg_without_its_partner_is_taken_off_and_all_money_freed() -> None:
    world, first, second = await one_leg_only()
    desk = PolicyDesk(world)
    await desk.run()
    await desk.after(DEADLINE - 1)
    assert types_of(world, first) == ["OrderPlaced"]
    await desk.after(2)
    assert types_of(world, second) == ["OrderAbandoned"]
    assert types_of(world, first)[-1] == "OrderCancelRequested"
    await handle(world.here, last(world, "OrderCancelRequested"))
    await desk.run()
    assert types_of(world, first)[-1] == "OrderWithheld"
    account_id = (await world.order(first)).account_id
    assert (await world.account_state(account_id)).reservations == {}


async def test_the_second_leg_in_time_makes_the_pair() -> None:
    world, first, second = await one_leg_only()
    desk = PolicyDesk(world)
    await desk.run()
    await desk.after(DEADLINE - 1)
    account_id = (await world.order(first)).account_id
    assert (await world.place(account_id, OCO)).code is None
    await desk.after(10 * DEADLINE)
    assert types_of(world, first) == types_of(world, second) == ["OrderPlaced"]


async def test_a_second_leg_that_is_refused_takes_the_first_off() -> None:
    world, first, second = await one_leg_only()
    desk = PolicyDesk(world)
    await desk.run()
    world.clock.at += timedelta(seconds=8)  # the quote is too old now
    account_id = (await world.order(first)).account_id
    assert (await world.place(account_id, OCO)).code == "quote_stale"
    assert types_of(world, second) == ["OrderRefused"]
    await desk.run()
    assert types_of(world, first)[-1] == "OrderCancelRequested"


async def test_a_partner_that_was_abandoned_early_does_not_keep_the_leg_waiting() -> None:
    """The reservation is older than the order: its deadline comes first."""
    world, first, second = await one_leg_only()
    desk = PolicyDesk(world)
    await desk.run()
    account_id = (await world.order(first)).account_id
    await record(world, second, lambda order: order.abandon(account_id, world.clock.now()))
    await desk.run()
    assert types_of(world, first)[-1] == "OrderCancelRequested"


async def test_a_leg_that_fills_before_its_partner_is_recorded() -> None:
    world, first, second = await one_leg_only()
    desk = PolicyDesk(world)
    await accept(world, first)
    await fill(world, first, "1", "1", "110")
    await desk.run()
    account_id = (await world.order(first)).account_id
    assert (await world.place(account_id, OCO)).code is None
    await desk.after(1)
    assert types_of(world, second) == ["OrderPlaced", "OrderCancelRequested"]


async def test_a_first_leg_whose_clock_is_behind_waits_for_its_partner() -> None:
    world, first, second = await one_leg_only()
    await accept(world, first)
    await fill(world, first, "1", "1", "110")
    world.clock.at += timedelta(seconds=10 * DEADLINE)
    desk = PolicyDesk(world)
    await desk.run()
    await desk.after(DEADLINE - 1)
    assert types_of(world, second) == []
    await desk.after(1)
    assert types_of(world, second) == ["OrderAbandoned"]


async def test_a_fill_that_was_taken_back_has_decided_the_pair() -> None:
    world, desk, first, second = await pair()
    await fill(world, first, "1", "0.5", "110")
    await record(world, first, lambda order: order.bust_fill("1", "x", NOON))
    await desk.run()
    assert types_of(world, second)[-1] == "OrderCancelRequested"


async def test_a_cancel_that_is_in_doubt_is_left_to_the_inquiry() -> None:
    world, desk, first, second = await pair()
    await fill(world, first, "1", "1", "110")
    await desk.run()
    await record(world, second, lambda order: order.lose_track("lost", NOON))
    await desk.after(1000)
    assert types_of(world, second).count("OrderCancelRequested") == 1


async def test_an_order_in_doubt_is_asked_to_end_all_the_same() -> None:
    world, desk, first, second = await pair()
    await record(world, second, lambda order: order.lose_track("lost", NOON))
    await fill(world, first, "1", "1", "110")
    await desk.run()
    assert types_of(world, second)[-1] == "OrderCancelRequested"


FACTS = st.lists(st.sampled_from([happen for _, happen in ENDS]), max_size=3)


@given(FACTS, FACTS)
def test_no_two_legs_stay_where_one_decided(facts_of_one, facts_of_other) -> None:  # type: ignore[no-untyped-def]
    legs = [working("1"), working("1")]
    for leg, facts in zip(legs, (facts_of_one, facts_of_other), strict=True):
        for happen in facts:
            if leg.is_live and not leg.fills:
                happen(leg)
    one, other = legs
    off = to_take_off(one, other)
    assert sorted(map(id, off)) == sorted(map(id, to_take_off(other, one)))
    untouched = [leg for leg in legs if leg.is_live and not leg.fills and not leg.triggered]
    if len(untouched) == 2:
        assert off == ()
    for leg, partner in ((one, other), (other, one)):
        assert (leg in off) == (leg.is_live and partner not in untouched)
