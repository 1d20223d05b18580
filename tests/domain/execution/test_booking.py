from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest

from domain.command import Metadata
from domain.errors import NotFound
from domain.event import decode
from domain.order.events import OrderUnknown
from domain.order.order import Order, VenueDataError, venue_client_id_of
from domain.order.status import OrderStatus
from domain.order.terms import OrderType, Side
from domain.use_cases.requests import AmendOrder
from domain.venue import (
    Absent,
    Amendment,
    CancelReport,
    ExpireReport,
    OrderReport,
    OrderState,
    StopMovedReport,
    TriggerReport,
    VenueStatus,
)
from tests.domain.execution.sent import a_world, last, sent
from tests.domain.world import NOON, World, a_fill, context_for, terms_of


def reports_on(order: Order) -> dict[str, OrderReport]:
    head = (order.venue_client_id, "v", order.account_id)
    return {
        "OrderFilled": a_fill(order, "t", "0.5"),
        "OrderCancelled": CancelReport(*head, "user", NOON, Decimal(0)),
        "OrderExpired": ExpireReport(*head, NOON, Decimal(0)),
        "OrderTriggered": TriggerReport(*head, Decimal(90), NOON),
        "TrailingStopMoved": StopMovedReport(*head, Decimal(90), NOON),
    }


NAMES = ["OrderFilled", "OrderCancelled", "OrderExpired", "OrderTriggered", "TrailingStopMoved"]


@pytest.mark.parametrize("name", NAMES)
async def test_a_report_is_booked_once(name: str) -> None:
    world, account_id = await a_world(processes=2)
    order = await sent(world, account_id)
    before = len(world.store.events)
    for process in (*world.processes, *world.processes):
        await process.booking.book(reports_on(order)[name])
    assert [event.type for event in world.store.events[before:]] == [name]
    metadata = msgspec.json.decode(world.store.events[-1].metadata, type=Metadata)
    assert (metadata.actor.type, metadata.actor.id) == ("venue", "paper")
    assert metadata.correlation_id == order.correlation_id


@pytest.mark.parametrize("client_order_id", ["web_123", venue_client_id_of("0" * 32)])
async def test_an_order_that_is_not_ours(client_order_id: str) -> None:
    world, account_id = await a_world()
    order = await sent(world, account_id)
    report = msgspec.structs.replace(a_fill(order, "t", "1"), client_order_id=client_order_id)
    with pytest.raises(NotFound) as refusal:
        await world.here.booking.book(report)
    assert refusal.value.code == "order_not_found"


async def test_two_moves_of_a_stop_at_one_instant_are_two() -> None:
    """Also where another process, which knows only the older one, books the second."""
    world, account_id = await a_world(processes=2)
    trailing = terms_of(OrderType.TRAILING_STOP, Side.SELL, trailing_offset="5")
    order = await sent(world, account_id, trailing)
    there = world.processes[1].repository
    there.give_back(await there.load(Order, order.id))
    head = (order.venue_client_id, "v", order.account_id)
    for process, price in zip(world.processes, ("95", "96"), strict=True):
        await process.booking.book(StopMovedReport(*head, Decimal(price), NOON))
    assert (await world.order(order.id)).stop_price == 96
    assert (await there.load(Order, order.id)) == await world.order(order.id)


async def test_what_cannot_be_is_not_booked() -> None:
    world, account_id = await a_world()
    order = await sent(world, account_id)
    before = len(world.store.events)
    for wrong in ({"price": Decimal("NaN")}, {"quantity": Decimal(2)}, {"symbol": "ETHUSDT"}):
        with pytest.raises(VenueDataError):
            await world.here.booking.book(msgspec.structs.replace(a_fill(order, "t", "1"), **wrong))
    assert len(world.store.events) == before


def a_state(order: Order, status: VenueStatus) -> OrderState:
    return OrderState(
        order.venue_client_id, "v", order.account_id, status, Decimal(0), "user", NOON, order.terms
    )


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (VenueStatus.WORKING, OrderStatus.NEW),
        (VenueStatus.CANCELLED, OrderStatus.CANCELLED),
        (VenueStatus.EXPIRED, OrderStatus.EXPIRED),
    ],
)
async def test_the_venues_records_end_what_is_unknown(
    status: VenueStatus, expected: OrderStatus
) -> None:
    world, account_id = await a_world()
    order = await sent(world, account_id)
    await world.here.booking.book_absence(order.venue_client_id, Absent(NOON), is_final=False)
    assert (await world.order(order.id)).status is OrderStatus.UNKNOWN
    for _ in range(2):
        await world.here.booking.book_state(a_state(order, status), NOON, None)
    assert (await world.order(order.id)).status is expected


async def test_unknown_twice_and_found_twice() -> None:
    """The same words of the venue at another time are another fact."""
    world, account_id = await a_world()
    order = await sent(world, account_id)
    for _ in range(2):
        world.clock.at += timedelta(minutes=1)
        at = world.clock.at
        await world.here.booking.book_absence(order.venue_client_id, Absent(at), is_final=False)
        await world.here.booking.book_state(a_state(order, VenueStatus.WORKING), at, None)
    assert types_of(world, order)[-4:] == ["OrderUnknown", "OrderAccepted"] * 2


def types_of(world: World, order: Order) -> list[str]:
    return [event.type for event in world.recorded(order.stream)]


def ends(order: Order, executed: str | None) -> list[CancelReport | ExpireReport]:
    """Both reports of an end that say how much was executed in all."""
    head = (order.venue_client_id, "v", order.account_id)
    quantity = None if executed is None else Decimal(executed)
    return [
        CancelReport(*head, "user", NOON, quantity),
        ExpireReport(*head, NOON, quantity),
    ]


BOTH = pytest.mark.parametrize("which", [0, 1], ids=["cancel", "expire"])


@BOTH
@pytest.mark.parametrize(
    ("executed", "reason"),
    [
        ("1", "fills are missing"),
        ("0.500000000000000001", "fills are missing"),
        (None, "the venue did not say how much was executed"),
    ],
)
async def test_an_end_is_not_booked_while_fills_are_missing(
    which: int, executed: str | None, reason: str
) -> None:
    """Its money stays reserved, and the log says so to whoever comes after a restart."""
    world, account_id = await a_world(processes=2)
    order = await sent(world, account_id)
    await world.here.booking.book(a_fill(order, "1", "0.5"))
    await world.settle()
    reserved = (await world.account_state(account_id)).reserved("USDT")
    report = ends(order, executed)[which]
    for process in (*world.processes, *world.processes):
        await process.booking.book(report)
        assert not await process.booking.has_ended(report)
    await world.settle()
    assert types_of(world, order)[-2:] == ["OrderFilled", "OrderUnknown"]
    unknown = decode(last(world, "OrderUnknown"))
    assert isinstance(unknown, OrderUnknown)
    assert unknown.reason == reason
    assert (await world.order(order.id)).in_doubt
    assert (await world.account_state(account_id)).reserved("USDT") == reserved > 0


@BOTH
@pytest.mark.parametrize("executed", ["0.5", "0.3", "0"])
async def test_an_end_that_tells_of_no_more_than_is_booked_is_booked(
    which: int, executed: str
) -> None:
    """Of less, too: a bust of the rest is on its way, and stops no end."""
    world, account_id = await a_world()
    order = await sent(world, account_id)
    await world.here.booking.book(a_fill(order, "1", "0.5"))
    report = ends(order, executed)[which]
    await world.here.booking.book(report)
    assert await world.here.booking.has_ended(report)
    assert types_of(world, order)[-1] == ("OrderCancelled", "OrderExpired")[which]


@BOTH
async def test_the_missing_fills_and_the_venues_records_end_it(which: int) -> None:
    world, account_id = await a_world()
    order = await sent(world, account_id)
    report = ends(order, "0.5")[which]
    await world.here.booking.book(report)
    await world.here.booking.book(a_fill(order, "1", "0.5"))
    assert not await world.here.booking.has_ended(report)
    status = (VenueStatus.CANCELLED, VenueStatus.EXPIRED)[which]
    state = msgspec.structs.replace(a_state(order, status), cum_quantity=Decimal("0.5"))
    await world.here.booking.book_state(state, NOON, None)
    ended = await world.order(order.id)
    assert (ended.is_live, ended.cum_quantity) == (False, Decimal("0.5"))
    assert await world.here.booking.has_ended(report)


@BOTH
async def test_an_amendment_that_the_venue_took_may_hide_missing_fills(which: int) -> None:
    """Filled on its old terms, it stays pending until what was executed on the new is booked."""
    world, account_id = await a_world()
    order = await sent(world, account_id)
    request = AmendOrder(order.id, "a", Amendment(quantity=Decimal(2)))
    await world.here.orders.amend(request, context_for("a"))
    await world.here.booking.book(a_fill(order, "1", "1"))
    report = ends(order, "1.5")[which]
    await world.here.booking.book(report)
    assert not await world.here.booking.has_ended(report)
    assert (await world.order(order.id)).in_doubt


async def test_of_an_ended_order_too_fills_can_be_missing() -> None:
    world, account_id = await a_world()
    order = await sent(world, account_id)
    await world.here.booking.book(ends(order, "0")[0])
    late = ends(order, "0.5")[1]
    await world.here.booking.book(late)
    assert not await world.here.booking.has_ended(late)
    await world.here.booking.book(a_fill(order, "1", "0.5"))
    assert await world.here.booking.has_ended(late)
