import asyncio
from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest

from domain.account.account import Account
from domain.errors import Busy, Conflict, InvalidInput, NotFound
from domain.event import decode
from domain.log import LogUnavailable
from domain.order.events import OrderPlaced, OrderRefused
from domain.order.order import Order
from domain.order.status import OrderStatus
from domain.order.terms import OrderTerms, OrderType, Side
from domain.risk.limits import Limits
from domain.use_cases.requests import AmendOrder, PlaceOrder
from domain.use_cases.result import PlacedOrder
from domain.venue import Amendment
from tests.domain.world import Process, World, a_quote, context_for, terms_of

OCO = terms_of(OrderType.OCO, Side.SELL, limit_price="110", stop_price="90")


async def ready(processes: int = 1, deposit: str = "10000", limits: Limits | None = None) -> World:
    world = World(processes)
    await world.set_limits(limits)
    await world.account(deposit=deposit)
    return world


def the_account(world: World) -> str:
    return context_for("open", "alice").derived_id("account")


async def place(process: Process, account_id: str, terms: OrderTerms, key: str) -> PlacedOrder:
    return await process.orders.place(PlaceOrder(account_id, terms), context_for("place", key))


async def test_money_is_reserved_before_the_order_is_recorded() -> None:
    world = await ready()
    answer = await world.place(the_account(world), terms_of())
    assert answer.status is OrderStatus.PENDING_NEW
    assert (answer.code, answer.position) == (None, len(world.store.events))
    assert [e.type for e in world.store.events[-2:]] == ["FundsReserved", "OrderPlaced"]
    assert all(verdict.passed for verdict in answer.verdicts)
    assert (await world.order(answer.order_id)).verdicts == answer.verdicts
    account = await world.account_state(the_account(world))
    assert account.reserved("USDT") == Decimal("100.04")


@pytest.mark.parametrize("processes", [1, 2])
async def test_a_hundred_orders_race_for_room_for_ten(processes: int) -> None:
    world = await ready(processes, deposit=str(Decimal("100.04") * 10))
    account_id = the_account(world)

    async def one(number: int) -> PlacedOrder:
        process = world.processes[number % processes]
        while True:
            try:
                return await place(process, account_id, terms_of(), str(number))
            except Busy:
                continue

    answers = await asyncio.gather(*(one(number) for number in range(100)))
    assert sum(answer.code is None for answer in answers) == 10
    assert {answer.code for answer in answers} == {None, "insufficient_funds"}
    account = await world.account_state(account_id)
    assert len(account.reservations) == 10
    assert account.available("USDT") == 0


async def test_a_refusal_records_every_verdict_and_reserves_nothing() -> None:
    limits = Limits(max_order_quantity=Decimal("0.5"), max_order_value=Decimal(10))
    world = await ready(limits=limits)
    answer = await world.place(the_account(world), terms_of())
    assert answer.status is OrderStatus.REFUSED
    assert answer.code == "max_order_quantity_exceeded"
    failed = {verdict.code for verdict in answer.verdicts if not verdict.passed}
    assert failed == {"max_order_quantity_exceeded", "max_order_value_exceeded"}
    assert any(verdict.passed for verdict in answer.verdicts)
    event = decode(world.store.events[-1])
    assert isinstance(event, OrderRefused)
    assert (event.code, event.verdicts) == (answer.code, answer.verdicts)
    assert (await world.account_state(the_account(world))).reservations == {}


async def test_a_refusal_keeps_the_account_in_the_cache() -> None:
    world = await ready(limits=Limits(max_open_orders=0))
    account_id = the_account(world)
    await world.place(account_id, terms_of())
    cached = await world.here.repository.load(Account, account_id)
    assert cached.version == 2


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        (terms_of(symbol="DOGEUSDT"), "unknown_symbol"),
        (terms_of(limit_price=None), "missing_field"),
        (terms_of(quantity="0"), "not_positive"),
        (terms_of(limit_price="100.001"), "off_tick"),
        (terms_of(quantity="0.0015"), "off_lot"),
        (terms_of(quantity="5000"), "quantity_out_of_bounds"),
        (terms_of(limit_price="200000"), "price_out_of_bounds"),
    ],
)
async def test_bad_input_appends_nothing(terms: OrderTerms, code: str) -> None:
    world = await ready()
    before = len(world.store.events)
    with pytest.raises(InvalidInput) as refusal:
        await world.place(the_account(world), terms)
    assert refusal.value.code == code
    assert len(world.store.events) == before


async def test_an_unknown_account() -> None:
    world = await ready()
    before = len(world.store.events)
    with pytest.raises(NotFound) as refusal:
        await world.place("nobody", terms_of())
    assert refusal.value.code == "account_not_found"
    assert len(world.store.events) == before


async def test_the_same_key_again_is_the_same_order() -> None:
    world = await ready(processes=2)
    account_id = the_account(world)
    first = await world.place(account_id, terms_of())
    before = len(world.store.events)
    for process in world.processes:
        again = await place(process, account_id, terms_of(), "k")
        assert again == msgspec.structs.replace(first, position=again.position)
    assert len(world.store.events) == before


async def test_the_same_key_again_after_an_amendment() -> None:
    world = await ready()
    account_id = the_account(world)
    first = await world.place(account_id, terms_of())
    request = AmendOrder(first.order_id, "a", Amendment(quantity=Decimal(2)))
    await world.here.orders.amend(request, context_for("a"))
    order = await world.here.repository.load(Order, first.order_id)
    order.amend(world.clock.now())
    await world.here.repository.save(order, context_for("venue"))
    again = await world.place(account_id, terms_of())
    assert again.order_id == first.order_id


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (terms_of(), terms_of(quantity="2")),
        (terms_of(side=Side.SELL, limit_price="110"), OCO),
        (OCO, terms_of(side=Side.SELL, limit_price="110")),
        (OCO, msgspec.structs.replace(OCO, stop_price=Decimal(91))),
    ],
)
async def test_the_same_key_with_another_body(first: OrderTerms, second: OrderTerms) -> None:
    world = await ready()
    account_id = the_account(world)
    await world.place(account_id, first)
    before = len(world.store.events)
    with pytest.raises(Conflict) as refusal:
        await world.place(account_id, second)
    assert refusal.value.code == "idempotency_key_reused"
    assert len(world.store.events) == before


async def test_the_same_key_for_another_name_or_strategy() -> None:
    world = await ready()
    account_id = the_account(world)
    await world.place(account_id, terms_of())
    for other in (
        PlaceOrder(account_id, terms_of(), client_order_id="mine"),
        PlaceOrder(account_id, terms_of(), strategy_id="s"),
        PlaceOrder(await world.account("bob"), terms_of()),
    ):
        with pytest.raises(Conflict):
            await world.here.orders.place(other, context_for("place", "k"))


# A crash at every append, then the same request again


async def crash_and_retry(lost: int, terms: OrderTerms, *, stored: bool) -> World:
    """Lose the answer (or the append) of the nth write, and ask again in a new process."""
    world = await ready(processes=2)
    account_id = the_account(world)
    log = world.here.log
    append, count = log.append, 0

    async def failing(*args, **options):  # type: ignore[no-untyped-def]  # as the port
        nonlocal count
        count += 1
        if count == lost and not stored:
            raise LogUnavailable("gone")
        appended = await append(*args, **options)
        if count == lost:
            raise LogUnavailable("the answer was lost")
        return appended

    log.append = failing  # type: ignore[method-assign]  # the failure is the test
    with pytest.raises(LogUnavailable):
        await place(world.here, account_id, terms, "k")
    world.clock.at += timedelta(seconds=1)
    world.quotes["BTCUSDT"] = a_quote("104.00", "104.10", at=world.clock.at)
    again = await place(world.processes[1], account_id, terms, "k")
    assert again.code is None
    return world


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("lost", [1, 2])
async def test_a_market_order_cut_off(lost: int, stored: bool) -> None:
    """The quote has risen meanwhile: what is reserved is what the recorded order needs."""
    world = await crash_and_retry(lost, terms_of(OrderType.MARKET), stored=stored)
    placed = [decode(e) for e in world.store.events if e.type == "OrderPlaced"]
    assert len(placed) == 1
    (event,) = placed
    assert isinstance(event, OrderPlaced)
    (held,) = (await world.account_state(the_account(world))).reservations.values()
    assert held.order_id == event.originator_id
    assert (held.price, held.quantity) == (event.worst_price, Decimal(1))


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("lost", [1, 2, 3])
async def test_an_oco_order_cut_off(lost: int, stored: bool) -> None:
    world = await crash_and_retry(lost, OCO, stored=stored)
    placed = [decode(e) for e in world.store.events if e.type == "OrderPlaced"]
    by_id = {event.originator_id: event for event in placed if isinstance(event, OrderPlaced)}
    assert len(placed) == len(by_id) == 2
    account = await world.account_state(the_account(world))
    assert {h.order_id: h.price for h in account.reservations.values()} == {
        order_id: event.worst_price for order_id, event in by_id.items()
    }


async def test_a_leg_that_has_ended_meanwhile_reserves_nothing_again() -> None:
    world = await ready(processes=2)
    account_id = the_account(world)
    world.here.log.refuse_next(LogUnavailable("gone"))
    # Only the first leg is recorded, by hand, as if the process had died after it.
    with pytest.raises(LogUnavailable):
        await place(world.here, account_id, OCO, "k")
    answer = await place(world.here, account_id, OCO, "k")
    first = await world.here.repository.load(Order, answer.order_id, newest=True)
    first.cancel("user", world.clock.now())
    await world.here.repository.save(first, context_for("venue"))
    await world.settle()
    before = len(world.store.events)
    await place(world.processes[1], account_id, OCO, "k")
    assert len(world.store.events) == before


async def test_reserved_then_refused_is_released_by_policy() -> None:
    world = await ready(processes=2)
    account_id = the_account(world)
    world.here.log.lose_next_answer()
    with pytest.raises(LogUnavailable):
        await world.place(account_id, terms_of())
    assert (await world.account_state(account_id)).reservations
    await world.set_limits(Limits(max_open_orders=0), change_id="2")
    answer = await place(world.processes[1], account_id, terms_of(), "k")
    assert answer.code == "max_open_orders_exceeded"
    await world.settle()
    assert (await world.account_state(account_id)).reservations == {}


# OCO


async def test_oco_places_two_linked_orders() -> None:
    world = await ready()
    answer = await world.place(the_account(world), OCO)
    assert answer.linked_order_id is not None
    limit, stop = await world.order(answer.order_id), await world.order(answer.linked_order_id)
    assert (limit.terms.type, limit.terms.limit_price) == (OrderType.LIMIT, Decimal(110))
    assert (stop.terms.type, stop.terms.stop_price) == (OrderType.STOP_LOSS, Decimal(90))
    assert (limit.linked_order_id, stop.linked_order_id) == (stop.id, limit.id)
    assert limit.terms.stop_price is None
    assert stop.terms.limit_price is None


async def test_oco_is_refused_as_a_whole() -> None:
    world = await ready(limits=Limits(max_open_orders=1))
    answer = await world.place(the_account(world), OCO)
    assert answer.code == "max_open_orders_exceeded"
    assert answer.linked_order_id is not None
    for order_id in (answer.order_id, answer.linked_order_id):
        assert (await world.order(order_id)).status is OrderStatus.REFUSED
    await world.settle()
    assert (await world.account_state(the_account(world))).reservations == {}


async def test_a_pair_whose_refusal_is_cut_off_stays_refused() -> None:
    """Its second leg passes by itself: tried again, it must not be placed alone."""
    world = await ready(limits=Limits(price_collar=Decimal("0.05")))
    terms = terms_of(OrderType.OCO, Side.SELL, limit_price="50", stop_price="90")
    append, appends = world.here.log.append, 0

    async def cut_off(*arguments: object, **options: object) -> object:
        nonlocal appends
        appends += 1
        if appends == 2:
            raise LogUnavailable("cut off")
        return await append(*arguments, **options)  # type: ignore[arg-type]  # as they came

    world.here.log.append = cut_off  # type: ignore[method-assign,assignment]  # once, in between
    with pytest.raises(LogUnavailable):
        await world.place(the_account(world), terms)
    again = await world.place(the_account(world), terms)
    assert (again.status, again.code) == (OrderStatus.REFUSED, "price_collar_exceeded")
    recorded = [event.type for event in world.store.events]
    assert (recorded.count("OrderRefused"), recorded.count("OrderPlaced")) == (1, 0)
