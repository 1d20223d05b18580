import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from domain.errors import Refused
from domain.execution.execution_worker import ExecutionWorker
from domain.execution.recovery import Recovery
from domain.order.order import Order
from domain.order.status import OrderStatus
from domain.use_cases.requests import CancelOrder
from domain.venue import CancelReport, FillReport, OrderState, Report, VenueStatus, VenueUnavailable
from tests.domain.checkpoints import MemoryCheckpoints
from tests.domain.execution.sent import a_world, placed, sent
from tests.domain.scripted_venue import ScriptedVenue
from tests.domain.world import NOON, World, a_fill, context_for, until


class Listed:
    def __init__(self, *orders: Order) -> None:
        self.ids = [order.id for order in orders]

    async def list(self) -> Sequence[str]:
        return self.ids


class Noted:
    def __init__(self) -> None:
        self.problems: list[tuple[Report, Refused]] = []

    def note(self, report: Report, problem: Refused) -> None:
        self.problems.append((report, problem))


def a_recovery(world: World, *orders: Order) -> Recovery:
    here = world.here
    return Recovery(here.repository, world.venue, here.booking, Listed(*orders))


def venue_has(world: World, order: Order, status: VenueStatus) -> None:
    world.venue.states[order.venue_client_id] = OrderState(
        order.venue_client_id, "v", order.account_id, status, Decimal(0), "user", NOON
    )


async def test_missed_fills_and_endings_are_booked() -> None:
    world, account_id = await a_world()
    filled, cancelled, working = [await sent(world, account_id) for _ in range(3)]
    world.venue.fills = [
        a_fill(filled, "1", "0.4", at=world.clock.at),
        a_fill(filled, "2", "0.6", at=world.clock.at),
        a_fill(cancelled, "3", "0.1", at=world.clock.at),
    ]
    venue_has(world, filled, VenueStatus.FILLED)
    venue_has(world, cancelled, VenueStatus.CANCELLED)
    venue_has(world, working, VenueStatus.WORKING)
    for _ in range(2):
        await a_recovery(world, filled, cancelled, working).run()
    states = [await world.order(order.id) for order in (filled, cancelled, working)]
    assert [(order.status, order.cum_quantity) for order in states] == [
        (OrderStatus.FILLED, Decimal(1)),
        (OrderStatus.CANCELLED, Decimal("0.1")),
        (OrderStatus.NEW, Decimal(0)),
    ]
    await world.settle()
    account = await world.account_state(account_id)
    assert account.position_quantity("BTCUSDT") == Decimal("1.1")


async def test_cut_off_between_intent_and_send() -> None:
    """Sent or not, nobody knows: unknown, with its reservation, and never sent again."""
    world, account_id = await a_world()
    order = await placed(world, account_id)
    loaded = await world.here.repository.load(Order, order.id)
    loaded.submit(1, NOON)
    await world.here.repository.save(loaded, context_for("intent"))
    for _ in range(2):
        await a_recovery(world, order).run()
    assert (await world.order(order.id)).status is OrderStatus.UNKNOWN
    await world.settle()
    assert (await world.account_state(account_id)).reserved("USDT") > 0
    assert world.venue.sent == []
    venue_has(world, order, VenueStatus.WORKING)
    await a_recovery(world, order).run()
    assert (await world.order(order.id)).status is OrderStatus.NEW


async def test_what_was_not_submitted_is_left_to_the_submission() -> None:
    world, account_id = await a_world()
    order = await placed(world, account_id)
    before = len(world.store.events)
    await a_recovery(world, order).run()
    assert len(world.store.events) == before


async def test_fills_are_asked_for_from_the_first_order_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, account_id = await a_world()
    first = await sent(world, account_id)
    world.clock.at += timedelta(seconds=3)
    second = await sent(world, account_id)
    asked: list[tuple[str, object]] = []
    fills_since = world.venue.fills_since

    async def asking(account: str, at: datetime) -> Sequence[FillReport]:
        asked.append((account, at))
        return await fills_since(account, at)

    monkeypatch.setattr(world.venue, "fills_since", asking)
    await a_recovery(world, second, first).run()
    assert asked == [(account_id, first.placed_at)]


class SilentVenue(ScriptedVenue):
    async def find_order(self, account_id: str, client_order_id: str) -> OrderState | None:
        raise VenueUnavailable


async def test_no_answer_stops_recovery() -> None:
    world, account_id = await a_world()
    order = await sent(world, account_id)
    silent = Recovery(world.here.repository, SilentVenue(), world.here.booking, Listed(order))
    with pytest.raises(VenueUnavailable):
        await silent.run()
    assert (await world.order(order.id)).status is OrderStatus.NEW


def a_worker(
    world: World, problems: Noted, recovered: asyncio.Event, *orders: Order
) -> ExecutionWorker:
    here = world.here
    return ExecutionWorker(
        log=here.log,
        venue=world.venue,
        submission=here.submission,
        booking=here.booking,
        recovery=a_recovery(world, *orders),
        checkpoints=MemoryCheckpoints(),
        problems=problems,
        recovered=recovered,
    )


async def test_the_worker_sends_and_books_side_by_side() -> None:
    world, account_id = await a_world()
    order = await placed(world, account_id)
    problems = Noted()
    recovered = asyncio.Event()
    worker = a_worker(world, problems, recovered)
    running = asyncio.create_task(worker.run())
    await worker.worker.caught_up.wait()
    assert recovered.is_set()
    assert (await world.order(order.id)).status is OrderStatus.NEW
    stranger = CancelReport("web_1", "v", account_id, "user", NOON)
    for report in (a_fill(order, "1", "0.5"), stranger, a_fill(order, "2", "0.5")):
        world.venue.to_report.put_nowait(report)
    stream = order.stream
    await until(lambda: [e.type for e in world.recorded(stream)][-2:] == ["OrderFilled"] * 2)
    assert [report for report, _ in problems.problems] == [stranger]
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_the_worker_sends_cancels() -> None:
    world, account_id = await a_world()
    order = await placed(world, account_id)
    worker = a_worker(world, Noted(), asyncio.Event())
    running = asyncio.create_task(worker.run())
    await worker.worker.caught_up.wait()
    await world.here.orders.cancel(CancelOrder(order.id, "c", ""), context_for("c"))
    await until(lambda: ("cancel", order.venue_client_id) in world.venue.sent)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_nothing_is_sent_before_recovery(monkeypatch: pytest.MonkeyPatch) -> None:
    world, account_id = await a_world()
    order = await sent(world, account_id)
    other = await placed(world, account_id)
    monkeypatch.setattr(world.venue, "find_order", SilentVenue().find_order)
    before = list(world.venue.sent)
    recovered = asyncio.Event()
    worker = a_worker(world, Noted(), recovered, order, other)
    with pytest.raises(ExceptionGroup) as failure:
        await worker.run()
    assert failure.group_contains(VenueUnavailable)
    assert not recovered.is_set()
    assert world.venue.sent == before


async def test_the_worker_stops_when_the_reports_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it would send orders whose fills nobody books."""
    world, _ = await a_world()

    async def none() -> AsyncGenerator[Report]:
        reports: list[Report] = []
        for report in reports:
            yield report

    monkeypatch.setattr(world.venue, "reports", none)
    with pytest.raises(ExceptionGroup) as failure:
        await a_worker(world, Noted(), asyncio.Event()).run()
    assert failure.group_contains(VenueUnavailable)
