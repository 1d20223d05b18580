import asyncio
from decimal import Decimal

import pytest

from domain.account.account import Account
from domain.decimals import ONE
from domain.errors import Conflict
from domain.event import decode, known_types
from domain.log import LogUnavailable
from domain.order.events import OrderEvent
from domain.order.order import Order
from domain.order.terms import Side
from domain.policies.commands import ReleaseReservation, ResizeReservation, ReverseFill, SettleFill
from domain.policies.policy_worker import PolicyWorker
from domain.policies.registry import commands_for
from domain.use_cases.requests import AmendOrder
from domain.venue import Amendment, CancelReport
from tests.domain.checkpoints import MemoryCheckpoints
from tests.domain.execution.sent import a_world, last, sent
from tests.domain.order.orders import ask_for, placed, working
from tests.domain.world import NOON, World, a_fill, carry_out, context_for
from tests.doubles.manual_clock import ManualClock


def last_event(order: Order) -> OrderEvent:
    event = order.pending[-1]
    assert isinstance(event, OrderEvent)
    return event


def test_a_fill_is_settled() -> None:
    order = working()
    order.fill(a_fill(order, "t", "3", "99", fee="0.1"), NOON)
    (command,) = commands_for(last_event(order))
    assert isinstance(command, SettleFill)
    execution = command.execution
    assert (command.account_id, execution.order_id) == ("alice", order.id)
    assert (execution.number, execution.order_version, execution.trade_id) == (1, 4, "t")
    assert (execution.quantity, execution.price, execution.fee) == (
        Decimal(3),
        Decimal(99),
        Decimal("0.1"),
    )


def test_a_bust_is_reversed_under_its_own_number() -> None:
    order = working()
    order.fill(a_fill(order, "t", "3", "99"), NOON)
    order.bust_fill("t", "x", NOON)
    (command,) = commands_for(last_event(order))
    assert isinstance(command, ReverseFill)
    assert (command.execution.number, command.execution.side) == (2, Side.BUY)


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (lambda o: o.cancel("user", NOON), "cancelled"),
        (lambda o: o.expire(NOON), "expired"),
        (lambda o: o.reject("no", "no", NOON), "rejected"),
    ],
)
def test_an_end_releases(end, reason: str) -> None:  # type: ignore[no-untyped-def]  # one of the above
    order = working()
    end(order)
    assert commands_for(last_event(order)) == (ReleaseReservation("alice", order.id, reason),)


@pytest.mark.parametrize("accepted", [True, False])
def test_the_answer_to_an_amendment_resizes(accepted: bool) -> None:
    order = working("10")
    order.fill(a_fill(order, "t", "4"), NOON)
    ask_for(order, "a", quantity="15")
    order.amend(NOON) if accepted else order.reject_amend("no", "no", NOON)
    (command,) = commands_for(last_event(order))
    assert isinstance(command, ResizeReservation)
    assert command.quantity == (11 if accepted else 6)
    assert command.order_version == order.version


def test_nothing_follows_from_other_events() -> None:
    order = placed()
    order.submit(1, NOON)
    order.accept("v", NOON, NOON)
    order.request_cancel("c", "x", NOON)
    assert [commands_for(event) for event in order.pending] == [()] * 4
    assert len(known_types()) > 20


async def test_out_of_order_is_refused() -> None:
    world, account_id = await a_world()
    order = await sent(world, account_id)
    for trade_id in ("1", "2"):
        await world.here.booking.book(a_fill(order, trade_id, "0.5"))
    with pytest.raises(Conflict) as refusal:
        await carry_out(world.here, last(world, "OrderFilled"))
    assert refusal.value.code == "settlement_out_of_order"


async def test_a_command_for_an_account_that_is_not_there() -> None:
    world, _ = await a_world()
    with pytest.raises(Conflict) as refusal:
        await world.here.settlement.carry_out(
            ReleaseReservation("nobody", "o", "cancelled"), context_for("x")
        )
    assert refusal.value.code == "account_not_found"


async def busy_world() -> tuple[World, str]:
    """An order with fills, an amendment, a bust and an end; nothing settled yet."""
    world, account_id = await a_world(processes=2)
    order = await sent(world, account_id)
    await world.here.booking.book(a_fill(order, "1", "0.3", "99", fee="0.03"))
    request = AmendOrder(order.id, "a", Amendment(quantity=Decimal(2)))
    await world.here.orders.amend(request, context_for("a"))
    loaded = await world.here.repository.load(Order, order.id)
    loaded.amend(NOON)
    loaded.fill(a_fill(order, "2", "0.7", "98"), NOON)
    loaded.bust_fill("1", "x", NOON)
    await world.here.repository.save(loaded, context_for("venue"))
    cancel = CancelReport(order.venue_client_id, "v", account_id, "user", NOON, Decimal("0.7"))
    await world.here.booking.book(cancel)
    await world.here.booking.book(a_fill(order, "late", "0.2", "97"))
    return world, account_id


def essence(account: Account) -> tuple[object, ...]:
    return account.balances, account.reservations, account.positions, account.settled


async def test_policies_run_twice_by_two_do_once() -> None:
    world, account_id = await busy_world()
    events = [e for e in world.store.events if e.stream.startswith("order-")]
    for recorded in events:
        await carry_out(world.here, recorded)
    once = await world.account_state(account_id)
    for process in world.processes:
        for recorded in events:
            await carry_out(process, recorded)
    assert await world.account_state(account_id) == once
    assert once.position_quantity("BTCUSDT") == Decimal("0.9")
    assert once.reservations == {}


async def test_the_worker_settles_what_is_there_and_what_comes() -> None:
    world, account_id = await busy_world()
    workers = [
        PolicyWorker(process.log, process.settlement, MemoryCheckpoints(), world.clock)
        for process in world.processes
    ]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(worker.run()) for worker in workers]
        for worker in workers:
            await worker.worker.caught_up.wait()
        for task in tasks:
            task.cancel()
    assert (await world.account_state(account_id)).settled != {}
    other, other_account = await busy_world()
    await other.settle()
    assert essence(await world.account_state(account_id)) == essence(
        await other.account_state(other_account)
    )


async def test_what_a_policy_does_names_the_event_as_its_cause() -> None:
    world, account_id = await busy_world()
    await world.settle()
    fill = last(world, "OrderFilled")
    settled = last(world, "FillSettled")
    assert str(fill.id).encode() in settled.metadata
    assert decode(settled).originator_id == account_id


async def test_a_log_that_is_away_for_a_while_loses_no_settlement() -> None:
    world, account_id = await busy_world()
    clock = ManualClock(NOON)
    process = world.processes[1]
    for _ in range(3):
        process.log.refuse_next(LogUnavailable("gone"))
    process.log.lose_next_answer()
    worker = PolicyWorker(process.log, process.settlement, MemoryCheckpoints(), clock)
    task = asyncio.create_task(worker.run())
    for _ in range(1_000):
        if worker.worker.caught_up.is_set():
            break
        await clock.advance(0.1)
        await asyncio.sleep(0)
    assert worker.worker.caught_up.is_set()
    assert clock.monotonic() > 0.1
    task.cancel()
    await asyncio.wait([task])
    other, other_account = await busy_world()
    await other.settle()
    assert essence(await world.account_state(account_id)) == essence(
        await other.account_state(other_account)
    )


async def test_what_an_amendment_gives_back_is_taken_even_by_an_account_in_the_red() -> None:
    world, account_id = await a_world()
    order = await sent(world, account_id)
    request = AmendOrder(order.id, "a", Amendment(quantity=Decimal(2)))
    await world.here.orders.amend(request, context_for("a"))
    account = await world.here.repository.load(Account, account_id, newest=True)
    account.adjust_balance("USDT", Decimal(1), NOON)
    await world.here.repository.save(account, context_for("venue says"))
    loaded = await world.here.repository.load(Order, order.id, newest=True)
    loaded.reject_amend("no", "no", NOON)
    await world.here.repository.save(loaded, context_for("venue"))
    red = await world.account_state(account_id)
    assert red.available("USDT") < 0
    red.amend_reservation(order.id, red.reservations[order.id].order_version, ONE, ONE, NOON)
    await world.settle()
    (held,) = (await world.account_state(account_id)).reservations.values()
    assert held.quantity == 1
