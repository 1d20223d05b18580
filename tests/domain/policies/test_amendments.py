"""Amendments that reserved and never came."""

from decimal import Decimal

import pytest

from domain.account.account import Account
from domain.log import LogUnavailable
from domain.policies.orphans import ORPHAN_DEADLINE
from domain.use_cases.requests import AmendOrder
from domain.venue import Amendment
from tests.domain.execution.sent import a_world, handle, last, sent
from tests.domain.policies.desk import PolicyDesk, types_of
from tests.domain.world import World, a_fill, context_for

DEADLINE = ORPHAN_DEADLINE.total_seconds()


def twice_as_much(order_id: str) -> AmendOrder:
    return AmendOrder(order_id, "a", Amendment(quantity=Decimal(2)))


async def reserved_only(processes: int = 1) -> tuple[World, str, str]:
    """An amendment that died after it had reserved."""
    world, account_id = await a_world(processes)
    order = await sent(world, account_id)
    world.here.log.lose_next_answer()
    with pytest.raises(LogUnavailable):
        await world.here.orders.amend(twice_as_much(order.id), context_for("a"))
    return world, account_id, order.id


async def reserved(world: World, account_id: str) -> Decimal:
    return (await world.account_state(account_id)).reserved("USDT")


async def test_its_money_is_free_after_the_deadline() -> None:
    world, account_id, order_id = await reserved_only()
    desk = PolicyDesk(world)
    await desk.run()
    assert await reserved(world, account_id) > 200
    await desk.after(DEADLINE - 1)
    assert await reserved(world, account_id) > 200
    await desk.after(1)
    assert 100 < await reserved(world, account_id) < 101
    await desk.after(1000)
    assert types_of(world, order_id).count("OrderAmendAbandoned") == 1


async def test_of_an_order_that_filled_meanwhile_nothing_stays_reserved() -> None:
    world, account_id, order_id = await reserved_only()
    desk = PolicyDesk(world)
    await world.here.booking.book(a_fill(await world.order(order_id), "t", "1"))
    await desk.run()
    await desk.after(DEADLINE)
    assert await reserved(world, account_id) == 0


async def test_a_request_that_comes_is_left_alone() -> None:
    world, account_id = await a_world()
    order = await sent(world, account_id)
    await world.here.orders.amend(twice_as_much(order.id), context_for("a"))
    desk = PolicyDesk(world)
    await desk.run()
    await desk.after(DEADLINE)
    assert types_of(world, order.id)[-1] == "OrderAmendRequested"
    assert await reserved(world, account_id) > 200


async def test_a_second_attempt_that_reserved_after_the_answer_leaves_nothing_behind() -> None:
    """It had read the order before the first attempt's request, and a higher price since."""
    world, account_id = await a_world()
    order = await sent(world, account_id)
    stale = order.version
    await world.here.orders.amend(twice_as_much(order.id), context_for("a"))
    await handle(world.here, last(world, "OrderAmendRequested"))
    desk = PolicyDesk(world)
    await desk.run()
    needed = await reserved(world, account_id)
    account = await world.here.repository.load(Account, account_id, newest=True)
    account.amend_reservation(
        order.id, stale, Decimal(2), Decimal(110), world.clock.now(), request_id="a"
    )
    await world.here.repository.save(account, context_for("again"))
    await desk.run()
    assert await reserved(world, account_id) > needed
    await desk.after(DEADLINE)
    assert await reserved(world, account_id) == needed


async def test_the_same_request_after_it_was_abandoned_is_decided_anew() -> None:
    world, account_id, order_id = await reserved_only(processes=2)
    desk = PolicyDesk(world)
    await desk.run()
    await desk.after(DEADLINE)
    elsewhere = world.processes[1].orders
    await elsewhere.amend(twice_as_much(order_id), context_for("a"))
    assert types_of(world, order_id)[-1] == "OrderAmendRequested"
    assert await reserved(world, account_id) > 200
