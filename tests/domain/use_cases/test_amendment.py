from datetime import timedelta
from decimal import Decimal

import pytest

from domain.errors import Conflict, NotFound, Refused
from domain.order.order import Order
from domain.order.status import OrderStatus
from domain.order.terms import OrderType
from domain.risk.limits import Limits
from domain.use_cases.change import change
from domain.use_cases.requests import AmendOrder, CancelOrder
from domain.venue import Amendment, FillReport
from tests.domain.world import NOON, World, a_fill, a_quote, context_for, terms_of

FEE = Decimal("1.0004")


class Desk:
    """One order of an account, and what may happen to it."""

    def __init__(self, world: World, account_id: str, order_id: str) -> None:
        self.world = world
        self.account_id = account_id
        self.order_id = order_id

    async def amend(self, request_id: str = "a", **changes: str) -> None:
        amendment = Amendment(**{name: Decimal(value) for name, value in changes.items()})
        request = AmendOrder(self.order_id, request_id, amendment)
        await self.world.here.orders.amend(request, context_for("amend", request_id))

    async def venue(self, what: str, *args: object) -> None:
        def decide(order: Order) -> None:
            getattr(order, what)(*args, self.world.clock.now())

        key = f"{what}-{len(self.world.store.events)}"
        await change(self.world.here.repository, Order, self.order_id, decide, context_for(key))

    async def fill(self, trade_id: str, quantity: str) -> None:
        await self.venue("fill", await self.report(trade_id, quantity))

    async def report(self, trade_id: str, quantity: str) -> FillReport:
        return a_fill(await self.order(), trade_id, quantity)

    async def order(self) -> Order:
        return await self.world.order(self.order_id)

    async def reserved(self) -> Decimal:
        return (await self.world.account_state(self.account_id)).reserved("USDT")


async def a_desk(limits: Limits | None = None, deposit: str = "2000") -> Desk:
    """An order to buy 10 at 100 that the venue works."""
    world = World()
    await world.set_limits(limits)
    account_id = await world.account(deposit=deposit)
    placed = await world.place(account_id, terms_of(quantity="10"))
    assert placed.code is None
    desk = Desk(world, account_id, placed.order_id)
    await desk.venue("accept", "v", NOON)
    await world.settle()
    return desk


@pytest.mark.parametrize(
    ("changes", "pending", "accepted"),
    [
        ({"quantity": "12"}, "1200", "1200"),
        ({"quantity": "5"}, "1000", "500"),
        ({"limit_price": "110"}, "1100", "1100"),
        ({"limit_price": "90"}, "1000", "900"),
        ({"quantity": "5", "limit_price": "110"}, "1100", "550"),
        ({"quantity": "12", "limit_price": "90"}, "1200", "1080"),
    ],
)
async def test_the_worse_of_both_is_reserved_until_the_venue_answers(
    changes: dict[str, str], pending: str, accepted: str
) -> None:
    desk = await a_desk()
    await desk.amend(**changes)
    assert (await desk.order()).status is OrderStatus.PENDING_REPLACE
    assert await desk.reserved() == Decimal(pending) * FEE
    await desk.venue("amend")
    await desk.world.settle()
    assert await desk.reserved() == Decimal(accepted) * FEE


async def test_rejected_it_is_as_before() -> None:
    desk = await a_desk()
    await desk.amend(quantity="15", limit_price="105")
    await desk.venue("reject_amend", "no", "not today")
    await desk.world.settle()
    assert await desk.reserved() == 1000 * FEE
    assert (await desk.order()).status is OrderStatus.NEW


async def test_a_fill_that_is_not_settled_yet_is_not_taken_off_twice() -> None:
    """The amendment reserves what the order leaves; settling the fill later must not reduce it."""
    desk = await a_desk()
    await desk.fill("1", "4")
    await desk.amend(quantity="12")
    assert await desk.reserved() == 800 * FEE
    await desk.world.settle()
    assert await desk.reserved() == 800 * FEE
    await desk.fill("2", "1")
    await desk.world.settle()
    assert await desk.reserved() == 700 * FEE


async def test_a_bust_that_is_not_settled_yet_is_not_put_back_twice() -> None:
    desk = await a_desk()
    await desk.fill("1", "4")
    await desk.world.settle()
    await desk.venue("bust_fill", "1", "erroneous")
    await desk.amend(quantity="12")
    await desk.world.settle()
    assert await desk.reserved() == 1200 * FEE


async def test_filled_while_a_larger_quantity_is_pending() -> None:
    """What the venue may yet agree to stays reserved; it is free once the venue says no."""
    desk = await a_desk()
    await desk.amend(quantity="15")
    await desk.fill("1", "10")
    await desk.world.settle()
    assert await desk.reserved() == 500 * FEE
    await desk.venue("reject_amend", "no", "filled")
    await desk.world.settle()
    assert await desk.reserved() == 0


@pytest.mark.parametrize("end", [("cancel", "user"), ("expire",)])
async def test_an_end_reported_while_a_larger_quantity_is_pending(end: tuple[str, ...]) -> None:
    """The venue took the amendment and then ended what was left: nothing stays reserved."""
    desk = await a_desk()
    await desk.amend(quantity="15")
    await desk.fill("1", "10")
    await desk.venue(*end)
    await desk.world.settle()
    assert await desk.reserved() == 0
    assert (await desk.order()).status is OrderStatus.FILLED


async def test_a_fill_over_the_old_quantity_is_booked() -> None:
    desk = await a_desk()
    await desk.amend(quantity="15")
    await desk.fill("1", "10")
    await desk.fill("2", "4")
    await desk.world.settle()
    order = await desk.order()
    quantities = (order.terms.quantity, order.cum_quantity, order.leaves_quantity)
    assert quantities == (Decimal(15), Decimal(14), Decimal(1))
    assert await desk.reserved() == 100 * FEE


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"quantity": "0"}, "below_filled"),
        ({"quantity": "4"}, "below_filled"),
        ({"quantity": "10.0005"}, "off_lot"),
        ({"limit_price": "100.001"}, "off_tick"),
        ({"limit_price": "-1"}, "not_positive"),
        ({"stop_price": "90"}, "unexpected_field"),
        ({"quantity": "100"}, "insufficient_funds"),
        ({"limit_price": "111.01"}, "price_collar_exceeded"),
    ],
)
async def test_refused_amendments_change_nothing(changes: dict[str, str], code: str) -> None:
    desk = await a_desk(Limits(price_collar=Decimal("0.1")))
    await desk.fill("1", "4")
    await desk.world.settle()
    before = len(desk.world.store.events)
    with pytest.raises(Refused) as refusal:
        await desk.amend(**changes)
    assert refusal.value.code == code
    assert len(desk.world.store.events) == before


async def test_requests_are_known_by_their_id() -> None:
    desk = await a_desk()
    await desk.amend("a", quantity="12")
    before = len(desk.world.store.events)
    await desk.amend("a", quantity="12")
    assert len(desk.world.store.events) == before
    with pytest.raises(Conflict) as refusal:
        await desk.amend("a", quantity="13")
    assert refusal.value.code == "idempotency_key_reused"
    with pytest.raises(Conflict) as refusal:
        await desk.amend("b", quantity="13")
    assert refusal.value.code == "amend_pending"


async def test_a_cancel_under_the_id_of_an_amendment_is_refused() -> None:
    desk = await a_desk()
    await desk.amend("a", quantity="12")
    with pytest.raises(Conflict) as refusal:
        await desk.world.here.orders.cancel(CancelOrder(desk.order_id, "a", ""), context_for("c"))
    assert refusal.value.code == "idempotency_key_reused"


async def test_an_order_that_is_being_cancelled_or_gone() -> None:
    desk = await a_desk()
    await desk.world.here.orders.cancel(CancelOrder(desk.order_id, "c", ""), context_for("c"))
    with pytest.raises(Conflict) as refusal:
        await desk.amend(quantity="12")
    assert refusal.value.code == "cancel_pending"
    await desk.venue("cancel", "user")
    with pytest.raises(Conflict) as refusal:
        await desk.amend(quantity="12")
    assert refusal.value.code == "order_not_live"
    with pytest.raises(NotFound):
        await Desk(desk.world, desk.account_id, "nothing").amend(quantity="12")


async def test_amendments_count_as_messages_once_each() -> None:
    """Also those that need no more money; what follows the venue's answer is no message."""
    desk = await a_desk(Limits(max_messages_per_second=3))
    for number, price in enumerate(("99", "98")):
        await desk.amend(f"a{number}", limit_price=price)
        await desk.venue("amend")
        await desk.world.settle()
    with pytest.raises(Refused) as refusal:
        await desk.amend("a3", limit_price="97")
    assert refusal.value.code == "message_rate_exceeded"
    desk.world.clock.at += timedelta(seconds=1)
    await desk.amend("a3", limit_price="97")


async def test_a_lost_race_for_the_order_is_decided_anew() -> None:
    """The order moves on between reserving and recording: both appends of the account stand."""
    desk = await a_desk()
    repository = desk.world.here.repository
    save, raced = repository.save, False

    async def racing(aggregate, context, inputs=None):  # type: ignore[no-untyped-def]  # as the real one
        nonlocal raced
        if isinstance(aggregate, Order) and not raced:
            raced = True
            order = await desk.order()
            order.fill(a_fill(order, "1", "4"), NOON)
            await desk.world.processes[1].repository.save(order, context_for("race"))
        return await save(aggregate, context, inputs)

    desk.world.processes.append(World().here)
    desk.world.processes[1].repository = type(repository)(desk.world.here.log, "test")
    repository.save = racing  # type: ignore[method-assign]  # the race is the test
    await desk.amend(quantity="12")
    await desk.world.settle()
    assert await desk.reserved() == 800 * FEE
    assert (await desk.order()).pending_amendment == Amendment(quantity=Decimal(12))


async def test_a_market_price_that_moved_is_measured_anew() -> None:
    world = World()
    await world.set_limits()
    account_id = await world.account()
    stop = terms_of(OrderType.STOP_LOSS, quantity="1", stop_price="120")
    placed = await world.place(account_id, stop)
    desk = Desk(world, account_id, placed.order_id)
    world.quotes["BTCUSDT"] = a_quote("130", "140")
    await desk.amend(stop_price="150")
    await desk.venue("amend")
    await world.settle()
    assert (await desk.order()).worst_price == Decimal("157.5")
    assert await desk.reserved() == Decimal("157.5") * FEE
