from decimal import Decimal

import pytest

from domain.errors import Conflict
from domain.log import LogUnavailable
from domain.order.status import Ending, OrderStatus
from domain.order.terms import OrderType
from domain.policies.orphans import ORPHAN_DEADLINE
from domain.use_cases.requests import PlaceOrder
from tests.domain.execution.sent import a_world
from tests.domain.policies.desk import PolicyDesk, types_of
from tests.domain.world import World, a_quote, context_for, terms_of

DEADLINE = ORPHAN_DEADLINE.total_seconds()


def order_id_of(key: str) -> str:
    return context_for("place", key).derived_id("order")


async def reserved_only(processes: int = 1) -> tuple[World, str]:
    """A placement that died after its reservation."""
    world, account_id = await a_world(processes)
    world.here.log.lose_next_answer()
    with pytest.raises(LogUnavailable):
        await world.place(account_id, terms_of())
    return world, account_id


async def available(world: World, account_id: str) -> Decimal:
    return (await world.account_state(account_id)).available("USDT")


async def test_money_of_an_order_that_never_came_is_free_after_the_deadline() -> None:
    world, account_id = await reserved_only()
    desk = PolicyDesk(world)
    await desk.run()
    await desk.after(DEADLINE - 1)
    assert await available(world, account_id) < 10_000
    await desk.after(1)
    assert await available(world, account_id) == 10_000
    assert types_of(world, order_id_of("k")) == ["OrderAbandoned"]
    order = await world.order(order_id_of("k"))
    assert (order.status, order.ending) == (OrderStatus.REFUSED, Ending.ABANDONED)
    await desk.after(1000)
    assert types_of(world, order_id_of("k")) == ["OrderAbandoned"]


async def test_an_abandoned_order_cannot_be_placed_with_its_key() -> None:
    world, account_id = await reserved_only(processes=2)
    desk = PolicyDesk(world)
    await desk.run()
    await desk.after(DEADLINE)
    before = len(world.store.events)
    for _ in range(2):
        with pytest.raises(Conflict) as refusal:
            await world.place(account_id, terms_of())
        assert refusal.value.code == "order_abandoned"
    assert len(world.store.events) == before
    assert (await world.place(account_id, terms_of(), key="another")).code is None


async def test_an_order_in_time_is_left_alone() -> None:
    world, account_id = await reserved_only()
    desk = PolicyDesk(world)
    await desk.run()
    assert (await world.place(account_id, terms_of())).code is None
    await desk.after(DEADLINE + 1)
    assert types_of(world, order_id_of("k")) == ["OrderPlaced"]
    assert await available(world, account_id) < 10_000


async def test_an_order_that_comes_while_the_policy_decides_wins() -> None:
    """The policy has loaded an order that is not there; it loses the race for the stream."""
    world, account_id = await reserved_only(processes=2)
    desk = PolicyDesk(world, world.processes[1])
    await desk.run()
    log, append = world.processes[1].log, world.processes[1].log.append

    async def place_first(*args, **options):  # type: ignore[no-untyped-def]  # as the port
        log.append = append  # type: ignore[method-assign]
        assert (await world.place(account_id, terms_of())).code is None
        return await append(*args, **options)

    log.append = place_first  # type: ignore[method-assign]  # the race is the test
    await desk.after(DEADLINE)
    assert types_of(world, order_id_of("k")) == ["OrderPlaced"]
    assert (await world.order(order_id_of("k"))).is_live
    assert await available(world, account_id) < 10_000


async def test_a_placement_that_was_paused_after_its_reservation_loses() -> None:
    world, account_id = await a_world(processes=2)
    desk = PolicyDesk(world, world.processes[1])
    log, append = world.here.log, world.here.log.append

    async def pause_before_the_order(stream, *args, **options):  # type: ignore[no-untyped-def]
        if stream.startswith("order-"):
            log.append = append  # type: ignore[method-assign]
            await desk.run()
            await desk.after(DEADLINE)
        return await append(stream, *args, **options)

    log.append = pause_before_the_order  # type: ignore[method-assign]  # the race is the test
    with pytest.raises(Conflict) as refusal:
        await world.place(account_id, terms_of())
    assert refusal.value.code == "order_abandoned"
    assert types_of(world, order_id_of("k")) == ["OrderAbandoned"]
    assert await available(world, account_id) == 10_000


async def test_money_reserved_for_an_order_that_is_over_is_freed_again() -> None:
    """A placement that slept before its reservation, while another attempt was abandoned."""
    world, account_id = await reserved_only(processes=2)
    desk = PolicyDesk(world, world.processes[1])
    log, read_stream = world.here.log, world.here.log.read_stream

    async def sleep_before_the_account(stream, **options):  # type: ignore[no-untyped-def]
        if stream.startswith("account-"):
            log.read_stream = read_stream  # type: ignore[method-assign]
            await desk.run()
            await desk.after(DEADLINE)
            assert await available(world, account_id) == 10_000
        async for page in read_stream(stream, **options):
            yield page

    log.read_stream = sleep_before_the_account  # type: ignore[method-assign]  # as the race
    with pytest.raises(Conflict):
        await world.place(account_id, terms_of())
    await desk.run()
    assert await available(world, account_id) < 10_000
    await desk.after(DEADLINE)
    assert await available(world, account_id) == 10_000
    assert types_of(world, order_id_of("k")) == ["OrderAbandoned"]


async def test_one_reservation_is_not_another() -> None:
    world, account_id = await reserved_only()
    assert (await world.place(account_id, terms_of(), key="other")).code is None
    desk = PolicyDesk(world)
    await desk.run()
    await desk.after(DEADLINE)
    assert types_of(world, order_id_of("k")) == ["OrderAbandoned"]
    assert types_of(world, order_id_of("other")) == ["OrderPlaced"]


async def test_a_placement_whose_clock_is_behind_gets_its_time_too() -> None:
    world, account_id = await a_world(processes=2)
    desk = PolicyDesk(world, world.processes[1])
    log, append = world.here.log, world.here.log.append

    async def as_seen_elsewhere(stream, *args, **options):  # type: ignore[no-untyped-def]
        if stream.startswith("order-"):
            log.append = append  # type: ignore[method-assign]
            await desk.after(10 * DEADLINE)
        return await append(stream, *args, **options)

    log.append = as_seen_elsewhere  # type: ignore[method-assign]  # the other clock is ahead
    assert (await world.place(account_id, terms_of())).code is None
    await desk.run()
    assert types_of(world, order_id_of("k")) == ["OrderPlaced"]


async def test_the_reservation_follows_the_order_if_the_slower_attempt_places_it() -> None:
    """Another attempt reserves at a higher price, and dies; then the first one's order comes."""
    world, account_id = await a_world(processes=2)
    desk = PolicyDesk(world)
    there = world.processes[1]
    log, append = world.here.log, world.here.log.append

    async def never(stream, *args, **options):  # type: ignore[no-untyped-def]  # as the port
        if stream.startswith("order-"):
            raise LogUnavailable("gone")
        return await append(stream, *args, **options)

    async def after_the_other(stream, *args, **options):  # type: ignore[no-untyped-def]
        if stream.startswith("order-"):
            log.append = append  # type: ignore[method-assign]
            world.quotes["BTCUSDT"] = a_quote("101", "101.10", at=world.clock.at)
            there.log.append = never  # type: ignore[method-assign]
            request = PlaceOrder(account_id, terms_of(OrderType.MARKET))
            with pytest.raises(LogUnavailable):
                await there.orders.place(request, context_for("place", "k"))
        return await append(stream, *args, **options)

    log.append = after_the_other  # type: ignore[method-assign]  # the race is the test
    assert (await world.place(account_id, terms_of(OrderType.MARKET))).code is None
    order = await world.order(order_id_of("k"))
    account = await world.account_state(account_id)
    assert account.reservations[order.id].price > order.worst_price
    await desk.run()
    await desk.after(DEADLINE)
    account = await world.account_state(account_id)
    assert account.reservations[order.id].price == order.worst_price
