import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from decimal import Decimal

import pytest

from domain.event import decode
from domain.execution.execution_worker import ExecutionWorker
from domain.execution.lease import LeaseLost
from domain.execution.leased_log import LeasedLog
from domain.execution.reconciliation import Reconciliation
from domain.log import Appended, LogUnavailable, NewEvent, WrongExpectedVersion
from domain.order.events import OrderAmendRejected
from domain.order.order import Order, amended_terms
from domain.repository import Repository
from domain.use_cases.requests import CancelOrder
from domain.use_cases.risk_desk import ChangeTrading
from domain.venue import (
    Accepted,
    Ambiguous,
    Amendment,
    CancelReport,
    ExpireReport,
    OpenOrder,
    OrderState,
    Outcome,
    Report,
    StreamGap,
    UnreadableReport,
    VenueOrder,
    VenueStatus,
)
from tests.domain.checkpoints import MemoryCheckpoints
from tests.domain.execution.sent import a_world, last, placed, sent
from tests.domain.world import NOON, World, a_fill, context_for, until
from tests.doubles.manual_clock import ManualClock
from tests.doubles.memory_log import MemoryEventLog, MemoryStore

D0 = Decimal(0)


class YieldingClock(ManualClock):
    """Every wait is over after a few turns of the loop, and has taken its time."""

    async def sleep(self, seconds: float) -> None:
        self._elapsed += seconds
        for _ in range(20):
            await asyncio.sleep(0)


def a_worker(world: World, recovered: asyncio.Event) -> ExecutionWorker:
    here = world.here
    return ExecutionWorker(
        log=here.log,
        repository=Repository(LeasedLog(here.log, here.lease), "test"),
        risk_book=here.risk_book,
        venue=world.venue,
        instruments=world.instruments,
        checkpoints=MemoryCheckpoints(),
        clock=YieldingClock(NOON),
        lease=here.lease,
        recovered=recovered,
    )


@asynccontextmanager
async def at_work(world: World) -> AsyncGenerator[ExecutionWorker]:
    recovered = asyncio.Event()
    worker = a_worker(world, recovered)
    running = asyncio.create_task(worker.run())
    following = asyncio.create_task(world.here.risk_book.follow(world.here.log))
    await recovered.wait()
    await worker.worker.caught_up.wait()
    yield worker
    for task in (running, following):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def types(world: World) -> list[str]:
    return [event.type for event in world.store.events]


async def a_funded_world() -> tuple[World, str]:
    world, account_id = await a_world()
    world.venue.money = {"USDT": Decimal(10000)}
    return world, account_id


async def test_the_worker_sends_and_books_side_by_side() -> None:
    world, account_id = await a_funded_world()
    order = await placed(world, account_id)
    async with at_work(world):
        await until(lambda: "OrderAccepted" in types(world))
        for report in (a_fill(order, "1", "0.5"), a_fill(order, "2", "0.5")):
            world.venue.to_report.put_nowait(report)
        await until(lambda: types(world)[-2:] == ["OrderFilled"] * 2)


async def test_what_works_after_its_end_is_cancelled_at_the_venue() -> None:
    world, account_id = await a_funded_world()
    order = await sent(world, account_id)
    report = CancelReport(order.venue_client_id, "v", account_id, "user", NOON, D0)
    await world.here.booking.book(report)
    world.venue.states[order.venue_client_id] = OrderState(
        order.venue_client_id, "v", account_id, VenueStatus.WORKING, D0, "", NOON, order.terms
    )
    world.venue.working = [OpenOrder(order.venue_client_id, "v", account_id, order.terms, D0)]
    async with at_work(world):
        await until(lambda: ("cancel", order.venue_client_id) in world.venue.sent)


@pytest.mark.parametrize("is_late", [True, False])
@pytest.mark.parametrize("status", [VenueStatus.CANCELLED, VenueStatus.EXPIRED])
async def test_an_order_ends_with_the_fill_whose_report_was_lost_or_late(
    status: VenueStatus, is_late: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order itself is asked about: nobody waits for the next comparison of the account."""
    world, account_id = await a_funded_world()
    executed = Decimal("0.5")
    cancelled = status is VenueStatus.CANCELLED
    monkeypatch.setattr(Reconciliation, "run", never_again)
    async with at_work(world):
        order = await placed(world, account_id)
        await until(lambda: types(world)[-1] == "OrderAccepted")
        head, fill = (order.venue_client_id, "v", account_id), a_fill(order, "1", "0.5")
        world.venue.fills = [fill]
        world.venue.states[order.venue_client_id] = OrderState(
            *head, status, executed, "user", NOON, order.terms
        )
        world.venue.to_report.put_nowait(
            CancelReport(*head, "user", NOON, executed)
            if cancelled
            else ExpireReport(*head, NOON, executed)
        )
        if is_late:
            world.venue.to_report.put_nowait(fill)
        await until(lambda: types(world)[-1] == ("OrderCancelled" if cancelled else "OrderExpired"))
    of_order = [event.type for event in world.recorded(order.stream)]
    assert of_order[-3:-1] == ["OrderUnknown", "OrderFilled"]
    assert (await world.order(order.id)).cum_quantity == executed


async def never_again(_: Reconciliation) -> None:
    await asyncio.Event().wait()


async def test_an_epoch_begins_before_anything_is_sent() -> None:
    world, account_id = await a_funded_world()
    await placed(world, account_id)
    async with at_work(world):
        await until(lambda: "OrderAccepted" in types(world))
    assert types(world).index("LeaderEpochStarted") < types(world).index("OrderSubmitting")


async def test_a_venue_that_hangs_holds_up_neither_other_orders_nor_a_halt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, account_id = await a_funded_world()
    asked: list[str] = []

    async def never(request: VenueOrder) -> Outcome:
        asked.append(request.client_order_id)
        await asyncio.Event().wait()
        return Accepted("v", NOON)

    monkeypatch.setattr(world.venue, "submit", never)
    async with at_work(world):
        for _ in range(3):
            await placed(world, account_id)
        await until(lambda: len(asked) == 3)
        await world.here.risk.halt(ChangeTrading("system", "h", "stop"), context_for("h"))
        await until(lambda: "TradingHalted" in types(world))


async def test_no_intent_follows_a_confirmed_halt() -> None:
    world, account_id = await a_funded_world()
    async with at_work(world):
        placing = [asyncio.create_task(placed(world, account_id)) for _ in range(5)]
        await world.here.risk.halt(ChangeTrading("system", "h", "stop"), context_for("h"))
        await until(lambda: "TradingHalted" in types(world))
        await asyncio.gather(*placing, return_exceptions=True)
        await until(
            lambda: (
                types(world).count("OrderPlaced")
                == types(world).count("OrderSubmitting") + types(world).count("OrderWithheld")
            )
        )
    halted = types(world).index("TradingHalted")
    assert "OrderSubmitting" not in types(world)[halted:]


async def test_what_was_found_at_the_start_withholds_what_was_placed_before() -> None:
    world, account_id = await a_funded_world()
    order = await placed(world, account_id)
    world.venue.working = [OpenOrder("web_1", "77", account_id, order.terms, D0)]
    async with at_work(world):
        await until(lambda: "OrderWithheld" in types(world))
    assert "ExternalOrderFound" in types(world)
    assert world.venue.sent == []


async def amend_requested(world: World, order: Order) -> None:
    """However trading stands: it may have been decided just before."""
    repository = Repository(world.here.log, "test")
    asked = await repository.load(Order, order.id)
    asked.request_amend("a", Amendment(quantity=Decimal(3)), Decimal(100), (), NOON)
    await repository.save(asked, context_for("a"))


async def test_an_amendment_that_follows_a_halt_is_answered_with_it() -> None:
    world, account_id = await a_funded_world()
    order = await sent(world, account_id)
    async with at_work(world):
        await world.here.risk.halt(ChangeTrading("system", "h", "stop"), context_for("h"))
        await until(lambda: "TradingHalted" in types(world))
        await amend_requested(world, order)
        await until(lambda: "OrderAmendRejected" in types(world))
    rejected = decode(last(world, "OrderAmendRejected"))
    assert isinstance(rejected, OrderAmendRejected)
    assert rejected.code == "trading_halted"
    assert ("amend", order.venue_client_id) not in world.venue.sent


async def test_an_amendment_that_an_earlier_leader_sent_before_a_halt_may_be_taken() -> None:
    world, account_id = await a_funded_world()
    order = await sent(world, account_id)
    await amend_requested(world, order)
    await world.here.risk.halt(ChangeTrading("system", "h", "stop"), context_for("h"))
    taken = amended_terms(order.terms, Amendment(quantity=Decimal(3)))
    head = (order.venue_client_id, f"v-{order.venue_client_id}", account_id)
    async with at_work(world):
        world.venue.states[order.venue_client_id] = OrderState(
            *head, VenueStatus.WORKING, D0, "", NOON, taken
        )
        await until(lambda: "OrderAmended" in types(world))
    assert "OrderAmendRejected" not in types(world)
    assert ("amend", order.venue_client_id) not in world.venue.sent


class SlowIntents(MemoryEventLog):
    """Gives no answer to the first intent, and takes it in when it is told to."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store)
        self.on_its_way: tuple[str, Sequence[NewEvent], int] | None = None

    async def append(
        self, stream: str, events: Sequence[NewEvent], *, expected_version: int
    ) -> Appended:
        if events[0].type == "OrderSubmitting" and self.on_its_way is None:
            self.on_its_way = (stream, events, expected_version)
            raise LogUnavailable("no answer")
        return await super().append(stream, events, expected_version=expected_version)

    def take_in(self) -> None:
        assert self.on_its_way is not None
        with suppress(WrongExpectedVersion):
            self.store.append(*self.on_its_way)


async def test_no_intent_that_the_log_took_late_follows_a_confirmed_halt() -> None:
    world, account_id = await a_funded_world()
    log = world.here.log = SlowIntents(world.store)
    async with at_work(world):
        await placed(world, account_id)
        await until(lambda: log.on_its_way is not None)
        await world.here.risk.halt(ChangeTrading("system", "h", "stop"), context_for("h"))
        await until(lambda: "TradingHalted" in types(world))
        log.take_in()
        await until(lambda: "OrderWithheld" in types(world))
    assert "OrderSubmitting" not in types(world)


async def test_a_halt_asked_for_while_nobody_led_is_confirmed() -> None:
    world, account_id = await a_funded_world()
    await placed(world, account_id)
    await world.here.risk.halt(ChangeTrading("system", "h", "stop"), context_for("h"))
    async with at_work(world):
        await until(lambda: "TradingHalted" in types(world))
    assert types(world).index("OrderWithheld") < types(world).index("TradingHalted")
    assert world.venue.sent == []


async def test_cancels_are_sent_while_trading_is_halted() -> None:
    world, account_id = await a_funded_world()
    order = await sent(world, account_id)
    await world.here.risk.halt(ChangeTrading("system", "h", "stop"), context_for("h"))
    await world.here.orders.cancel(CancelOrder(order.id, "c", ""), context_for("c"))
    async with at_work(world):
        await until(lambda: ("cancel", order.venue_client_id) in world.venue.sent)


async def test_a_lost_lease_ends_the_worker() -> None:
    world, account_id = await a_funded_world()
    recovered = asyncio.Event()
    running = asyncio.create_task(a_worker(world, recovered).run())
    await recovered.wait()
    world.here.lease.held = False
    await placed(world, account_id)
    with pytest.raises(ExceptionGroup) as failure:
        await running
    assert failure.group_contains(LeaseLost)
    assert world.venue.sent == []
    assert "OrderSubmitting" not in types(world)


GAPS: list[Callable[[World], Report]] = [
    lambda _: StreamGap(NOON),
    lambda _: UnreadableReport("{", "not JSON", NOON),
    lambda world: CancelReport("web_1", "v", "somebody", "user", NOON, Decimal(0)),
]


@pytest.mark.parametrize("gap", GAPS)
async def test_what_a_stream_left_out_is_asked_for(gap: Callable[[World], Report]) -> None:
    world, account_id = await a_funded_world()
    order = await sent(world, account_id)
    async with at_work(world):
        world.venue.fills = [a_fill(order, "1", "1")]
        world.venue.to_report.put_nowait(gap(world))
        await until(lambda: "OrderFilled" in types(world))


async def test_a_report_that_cannot_be_is_a_problem_and_the_worker_goes_on() -> None:
    world, account_id = await a_funded_world()
    order = await sent(world, account_id)
    async with at_work(world):
        world.venue.to_report.put_nowait(a_fill(order, "1", "1", price="-1"))
        world.venue.to_report.put_nowait(UnreadableReport("<html>", "not JSON", NOON))
        world.venue.to_report.put_nowait(a_fill(order, "2", "0.5"))
        await until(lambda: types(world).count("VenueDataProblem") == 2)
        await until(lambda: "OrderFilled" in types(world))
    assert (await world.order(order.id)).cum_quantity == Decimal("0.5")


async def test_reports_that_end_are_listened_to_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world, account_id = await a_funded_world()
    order = await sent(world, account_id)
    listened: list[int] = []

    async def one_at_a_time() -> AsyncGenerator[Report]:
        listened.append(len(listened))
        yield await world.venue.to_report.get()

    monkeypatch.setattr(world.venue, "reports", one_at_a_time)
    async with at_work(world):
        world.venue.to_report.put_nowait(a_fill(order, "1", "0.5"))
        world.venue.to_report.put_nowait(a_fill(order, "2", "0.5"))
        await until(lambda: types(world).count("OrderFilled") == 2)
    assert len(listened) > 1


async def test_a_cancel_whose_answer_was_lost_is_sent_again() -> None:
    world, account_id = await a_funded_world()
    order = await sent(world, account_id)
    assert last(world, "OrderAccepted")
    world.clock.at += timedelta(seconds=1)
    await world.here.orders.cancel(CancelOrder(order.id, "c", ""), context_for("c"))
    world.venue.outcomes.append(Ambiguous("timeout"))
    world.venue.states[order.venue_client_id] = OrderState(
        order.venue_client_id,
        "v",
        account_id,
        VenueStatus.WORKING,
        Decimal(0),
        "",
        NOON,
        order.terms,
    )
    async with at_work(world):
        await until(lambda: world.venue.sent.count(("cancel", order.venue_client_id)) >= 2)
