import asyncio
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from domain.account.account import Account
from domain.aggregate import Aggregate
from domain.command import Metadata
from domain.errors import Busy
from domain.event import decode
from domain.execution.account_records import AccountRecords
from domain.execution.lease import LeaseLost
from domain.log import Appended, LogUnavailable, NewEvent, WrongExpectedVersion
from domain.order.events import OrderAmendRejected, OrderAmendRequested, OrderWithheld
from domain.order.order import SEND_WINDOW, Order, VenueDataError
from domain.order.status import OrderStatus
from domain.order.terms import OrderTerms, OrderType, Side
from domain.policies.trailing_stop import move
from domain.repository import Repository
from domain.session.events import VenueDataProblem
from domain.use_cases.account_desk import AcknowledgeExternal
from domain.use_cases.requests import AmendOrder, CancelOrder
from domain.use_cases.risk_desk import ChangeTrading
from domain.venue import (
    Accepted,
    Ambiguous,
    Amendment,
    CancelReport,
    OpenOrder,
    Outcome,
    Rejected,
    VenueOrder,
)
from tests.domain.execution.sent import a_world, handle, last, placed, sent
from tests.domain.world import NOON, World, a_fill, context_for, terms_of
from tests.doubles.memory_log import MemoryEventLog

REJECTED = Rejected("no", "not today", NOON)
AMBIGUOUS = Ambiguous("timeout")


async def test_the_intent_is_in_the_log_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, account_id = await a_world()
    order = await placed(world, account_id)
    seen: list[list[str]] = []
    submit = world.venue.submit

    async def looking(request: VenueOrder) -> Outcome:
        seen.append([event.type for event in world.recorded(order.stream)])
        return await submit(request)

    monkeypatch.setattr(world.venue, "submit", looking)
    await handle(world.here, last(world, "OrderPlaced"))
    assert seen == [["OrderPlaced", "OrderSubmitting"]]
    assert (await world.order(order.id)).status is OrderStatus.NEW


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Accepted("v", NOON), OrderStatus.NEW),
        (REJECTED, OrderStatus.REJECTED),
        (AMBIGUOUS, OrderStatus.UNKNOWN),
    ],
)
async def test_outcomes(outcome: Outcome, status: OrderStatus) -> None:
    world, account_id = await a_world()
    order = await placed(world, account_id)
    world.venue.outcomes.append(outcome)
    await handle(world.here, last(world, "OrderPlaced"))
    assert (await world.order(order.id)).status is status
    await world.settle()
    reserved = (await world.account_state(account_id)).reserved("USDT")
    assert (reserved == 0) == (outcome is REJECTED)


@pytest.mark.parametrize("outcome", [Accepted("v", NOON), REJECTED, AMBIGUOUS])
async def test_handled_again_nothing_is_sent_again(outcome: Outcome) -> None:
    world, account_id = await a_world(processes=2)
    order = await placed(world, account_id)
    world.venue.outcomes.append(outcome)
    for process in (*world.processes, *world.processes):
        await handle(process, last(world, "OrderPlaced"))
    assert world.venue.sent == [("submit", order.venue_client_id)]


async def test_two_instances_at_once_send_once() -> None:
    world, account_id = await a_world(processes=2)
    await placed(world, account_id)
    event = last(world, "OrderPlaced")
    async with asyncio.TaskGroup() as group:
        for process in world.processes:
            group.create_task(handle(process, event))
    assert len(world.venue.sent) == 1


async def test_a_cancel_that_comes_in_between_does_not_stop_the_worker() -> None:
    world, account_id = await a_world(processes=2)
    order = await placed(world, account_id)
    cancel = CancelOrder(order.id, "c", "changed my mind")
    async with asyncio.TaskGroup() as group:
        group.create_task(world.processes[1].orders.cancel(cancel, context_for("c")))
        group.create_task(handle(world.here, last(world, "OrderPlaced")))
    assert world.venue.sent == [("submit", order.venue_client_id)]
    assert (await world.order(order.id)).status is OrderStatus.PENDING_CANCEL


async def test_no_answer_of_the_log_nothing_sent() -> None:
    world, account_id = await a_world()
    order = await placed(world, account_id)
    world.here.log.lose_next_answer()
    with pytest.raises(LogUnavailable):
        await handle(world.here, last(world, "OrderPlaced"))
    assert world.venue.sent == []
    await handle(world.here, last(world, "OrderPlaced"))
    assert world.venue.sent == []
    assert (await world.order(order.id)).submitted


async def test_a_halt_waits_for_an_intent_that_may_be_on_its_way_to_the_log() -> None:
    world, account_id = await a_world()
    await placed(world, account_id)
    world.here.log.refuse_next(LogUnavailable("no answer"))
    with pytest.raises(LogUnavailable):
        await handle(world.here, last(world, "OrderPlaced"))
    clear = asyncio.create_task(world.here.gate.until_clear("system"))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not clear.done()
    await handle(world.here, last(world, "OrderPlaced"))
    await clear


class AlwaysLate(MemoryEventLog):
    async def append(
        self, stream: str, events: Sequence[NewEvent], *, expected_version: int
    ) -> Appended:
        raise WrongExpectedVersion(stream, expected_version, None)


async def test_lost_races_are_bounded() -> None:
    world, account_id = await a_world()
    await placed(world, account_id)
    world.here.submission._repository = Repository(AlwaysLate(world.store), "test")
    with pytest.raises(Busy):
        await handle(world.here, last(world, "OrderPlaced"))
    assert world.venue.sent == []


async def test_an_order_that_ended_before_it_was_sent_is_not_sent() -> None:
    world, account_id = await a_world()
    order = await placed(world, account_id)
    loaded = await world.here.repository.load(type(order), order.id)
    loaded.cancel("oco", NOON)
    await world.here.repository.save(loaded, context_for("x"))
    await handle(world.here, last(world, "OrderPlaced"))
    assert world.venue.sent == []


async def test_both_legs_name_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    world, account_id = await a_world()
    oco = terms_of(OrderType.OCO, Side.SELL, limit_price="110", stop_price="90")
    requests: list[VenueOrder] = []

    async def submit(request: VenueOrder) -> Outcome:
        requests.append(request)
        return Accepted("v", NOON)

    monkeypatch.setattr(world.venue, "submit", submit)
    await placed(world, account_id, oco)
    for recorded in [e for e in world.store.events if e.type == "OrderPlaced"]:
        await handle(world.here, recorded)
    limit, stop = requests
    assert limit.linked_client_order_id == stop.client_order_id
    assert stop.linked_client_order_id == limit.client_order_id


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Accepted("v", NOON), OrderStatus.PENDING_CANCEL),
        (REJECTED, OrderStatus.NEW),
        (AMBIGUOUS, OrderStatus.UNKNOWN),
    ],
)
async def test_outcomes_of_a_cancel(outcome: Outcome, status: OrderStatus) -> None:
    """An accepted cancel is over when the venue reports it: fills may come before."""
    world, account_id = await a_world()
    order = await sent(world, account_id)
    await world.here.orders.cancel(CancelOrder(order.id, "c", ""), context_for("c"))
    world.venue.outcomes.append(outcome)
    await handle(world.here, last(world, "OrderCancelRequested"))
    assert (await world.order(order.id)).status is status


@pytest.mark.parametrize("outcome", [Accepted("v", NOON), REJECTED, AMBIGUOUS])
async def test_a_cancel_of_an_order_that_fills_meanwhile(outcome: Outcome) -> None:
    world, account_id = await a_world()
    order = await sent(world, account_id)
    await world.here.orders.cancel(CancelOrder(order.id, "c", ""), context_for("c"))
    await world.here.booking.book(a_fill(order, "t", "1"))
    world.venue.outcomes.append(outcome)
    await handle(world.here, last(world, "OrderCancelRequested"))
    assert (await world.order(order.id)).status is OrderStatus.FILLED


@pytest.mark.parametrize(
    ("outcome", "status", "quantity"),
    [
        (Accepted("v", NOON), OrderStatus.NEW, "2"),
        (REJECTED, OrderStatus.NEW, "1"),
        (AMBIGUOUS, OrderStatus.UNKNOWN, "1"),
    ],
)
async def test_outcomes_of_an_amendment(
    outcome: Outcome, status: OrderStatus, quantity: str
) -> None:
    world, account_id = await a_world()
    order = await sent(world, account_id)
    request = AmendOrder(order.id, "a", Amendment(quantity=Decimal(2)))
    await world.here.orders.amend(request, context_for("a"))
    world.venue.outcomes.append(outcome)
    await handle(world.here, last(world, "OrderAmendRequested"))
    amended = await world.order(order.id)
    assert (amended.status, amended.terms.quantity) == (status, Decimal(quantity))


async def test_requests_that_are_answered_are_not_sent_again() -> None:
    world, account_id = await a_world()
    order = await sent(world, account_id)
    world.venue.outcomes.append(REJECTED)
    await world.here.orders.cancel(CancelOrder(order.id, "c", ""), context_for("c"))
    await handle(world.here, last(world, "OrderCancelRequested"))
    request = AmendOrder(order.id, "a", Amendment(quantity=Decimal(2)))
    await world.here.orders.amend(request, context_for("a"))
    await handle(world.here, last(world, "OrderAmendRequested"))
    before = list(world.venue.sent)
    await handle(world.here, last(world, "OrderCancelRequested"))
    await handle(world.here, last(world, "OrderAmendRequested"))
    assert world.venue.sent == before


async def test_a_rejection_of_what_has_traded_is_a_problem_and_changes_nothing() -> None:
    world, account_id = await a_world()
    order = await placed(world, account_id)
    await world.here.booking.book(a_fill(order, "t", "0.5"))
    world.venue.outcomes.append(REJECTED)
    await handle(world.here, last(world, "OrderPlaced"))
    problem = decode(last(world, "VenueDataProblem"))
    assert isinstance(problem, VenueDataProblem)
    assert (problem.code, "not today" in problem.raw) == ("rejected_after_fill", True)
    assert (await world.order(order.id)).cum_quantity == Decimal("0.5")


async def test_the_intent_says_until_when_the_order_may_arrive() -> None:
    world, account_id = await a_world()
    order = await sent(world, account_id)
    assert order.valid_until == NOON + SEND_WINDOW


async def test_without_a_lease_nothing_is_intended() -> None:
    world, account_id = await a_world()
    order = await placed(world, account_id)
    world.here.lease.held = False
    with pytest.raises(LeaseLost):
        await handle(world.here, last(world, "OrderPlaced"))
    assert not (await world.order(order.id)).submitted
    assert world.venue.sent == []


async def test_a_lease_lost_after_the_intent_sends_nothing() -> None:
    world, account_id = await a_world()
    order = await placed(world, account_id)
    request = await world.here.submission.intend(order.id, context_for("intent"))
    assert request is not None
    world.here.lease.held = False
    with pytest.raises(LeaseLost):
        await world.here.submission.send(order.id, request, context_for("send"))
    assert world.venue.sent == []


async def test_what_is_too_late_to_arrive_is_not_sent() -> None:
    world, account_id = await a_world()
    order = await placed(world, account_id)
    request = await world.here.submission.intend(order.id, context_for("intent"))
    assert request is not None
    world.clock.at += SEND_WINDOW + timedelta(microseconds=1)
    await world.here.submission.send(order.id, request, context_for("send"))
    assert world.venue.sent == []
    assert (await world.order(order.id)).status is OrderStatus.UNKNOWN


def scope_name(kind: str, account_id: str) -> str:
    return {"account": f"account:{account_id}", "client": "client:alice"}.get(kind, kind)


async def halted(world: World, scope: str) -> None:
    await world.here.risk.halt(ChangeTrading(scope, "h", "enough"), context_for("halt"))


@pytest.mark.parametrize("scope", ["system", "account", "client"])
async def test_a_halt_withholds_what_has_no_intent_yet(scope: str) -> None:
    world, account_id = await a_world()
    order = await placed(world, account_id)
    await halted(world, scope_name(scope, account_id))
    await handle(world.here, last(world, "OrderPlaced"))
    assert world.venue.sent == []
    withheld = decode(last(world, "OrderWithheld"))
    assert isinstance(withheld, OrderWithheld)
    assert (withheld.code, "enough" in withheld.reason) == ("trading_halted", True)
    await world.settle()
    assert (await world.order(order.id)).status is OrderStatus.CANCELLED
    assert (await world.account_state(account_id)).reserved("USDT") == 0


async def test_an_account_that_is_not_reconciled_sends_nothing() -> None:
    world, account_id = await a_world()
    await placed(world, account_id)
    world.here.gate.suspend(account_id, "the venue does not answer")
    await handle(world.here, last(world, "OrderPlaced"))
    world.here.gate.admit(account_id)
    later = await sent(world, account_id)
    assert [name for name, _ in world.venue.sent] == ["submit"]
    assert later.status is OrderStatus.NEW


async def reduced(world: World, scope: str) -> None:
    await world.here.risk.reduce(ChangeTrading(scope, "r", "slow down"), context_for("r"))


async def a_long_position(world: World, account_id: str) -> None:
    """Of one."""
    bought = await sent(world, account_id)
    await world.here.booking.book(a_fill(bought, "1", "1"))
    await world.settle()


@pytest.mark.parametrize("scope", ["system", "account", "client"])
async def test_a_scope_that_reduces_withholds_what_opens(scope: str) -> None:
    world, account_id = await a_world()
    await placed(world, account_id)
    await reduced(world, scope_name(scope, account_id))
    await handle(world.here, last(world, "OrderPlaced"))
    withheld = decode(last(world, "OrderWithheld"))
    assert isinstance(withheld, OrderWithheld)
    assert (withheld.code, "slow down" in withheld.reason) == ("trading_reducing", True)
    assert world.venue.sent == []


@pytest.mark.parametrize(
    ("terms", "goes_out"),
    [
        (terms_of(side=Side.SELL, limit_price="101"), True),
        (terms_of(side=Side.SELL, limit_price="101", quantity="1.001"), False),
        (terms_of(side=Side.SELL, limit_price="101", quantity="2", reduce_only=True), True),
        (terms_of(), False),
    ],
)
async def test_what_reducing_lets_out_is_measured_on_the_account_as_it_is(
    terms: OrderTerms, goes_out: bool
) -> None:
    world, account_id = await a_world()
    await placed(world, account_id, terms)
    placing = last(world, "OrderPlaced")
    await a_long_position(world, account_id)
    await reduced(world, "system")
    before = len(world.venue.sent)
    await handle(world.here, placing)
    assert len(world.venue.sent) - before == goes_out


async def test_an_account_that_reduces_withholds_what_opens_until_it_is_acknowledged() -> None:
    world, account_id = await a_world()
    records = AccountRecords(world.here.repository, world.here.gate, world.clock)
    manual = OpenOrder("web_1", "77", account_id, terms_of(), Decimal(0))
    first, second = [await placed(world, account_id) for _ in range(2)]
    placings = [event for event in world.store.events if event.type == "OrderPlaced"]
    await records.change(account_id, lambda account: account.find_external_order(manual, NOON))
    await handle(world.here, placings[0])
    withheld = decode(last(world, "OrderWithheld"))
    assert isinstance(withheld, OrderWithheld)
    assert withheld.code == "trading_reducing"
    await world.here.accounts.acknowledge(
        AcknowledgeExternal(account_id, "seen", "mine"), context_for("seen")
    )
    await handle(world.here, placings[1])
    assert world.venue.sent == [("submit", second.venue_client_id)]
    assert (await world.order(first.id)).status is OrderStatus.CANCELLED


async def test_the_account_is_not_read_for_an_order_while_nothing_reduces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It would make every order the slower."""
    world, account_id = await a_world()
    order = await placed(world, account_id)
    read: list[str] = []
    load = Repository.load

    async def watched(self: Repository, kind: type[Aggregate], *args: Any, **named: Any) -> Any:
        read.append(kind.category)
        return await load(self, kind, *args, **named)

    monkeypatch.setattr(Repository, "load", watched)
    await world.here.submission.intend(order.id, context_for("intent"))
    assert set(read) == {"order"}


async def test_limits_that_are_not_known_are_waited_for() -> None:
    world, account_id = await a_world()
    await placed(world, account_id)
    world.here.risk_book.is_current = False
    handling = asyncio.create_task(handle(world.here, last(world, "OrderPlaced")))
    for _ in range(20):
        await asyncio.sleep(0)
    assert world.venue.sent == []
    world.here.risk_book.is_current = True
    await handling
    assert len(world.venue.sent) == 1


async def test_an_amendment_too_late_to_arrive_is_not_sent() -> None:
    """An earlier leader may have sent it in time: the venue will be asked."""
    world, account_id = await a_world()
    order = await sent(world, account_id)
    request = AmendOrder(order.id, "a", Amendment(quantity=Decimal(2)))
    await world.here.orders.amend(request, context_for("a"))
    world.clock.at += SEND_WINDOW + timedelta(microseconds=1)
    await handle(world.here, last(world, "OrderAmendRequested"))
    assert ("amend", order.venue_client_id) not in world.venue.sent
    assert (await world.order(order.id)).status is OrderStatus.PENDING_REPLACE


async def test_an_answer_that_cannot_be_read_is_kept() -> None:
    world, account_id = await a_world()
    order = await placed(world, account_id)
    world.venue.outcomes.append(Ambiguous("not JSON", raw="<html>502</html>"))
    await handle(world.here, last(world, "OrderPlaced"))
    problem = decode(last(world, "VenueDataProblem"))
    assert isinstance(problem, VenueDataProblem)
    assert (problem.code, problem.raw) == ("unreadable_answer", "<html>502</html>")
    assert (await world.order(order.id)).status is OrderStatus.UNKNOWN


async def test_what_follows_an_event_names_it_as_its_cause() -> None:
    world, account_id = await a_world()
    order = await sent(world, account_id)
    cause = last(world, "OrderPlaced")
    for recorded in world.recorded(order.stream)[1:]:
        metadata = msgspec.json.decode(recorded.metadata, type=Metadata)
        assert metadata.causation_id == str(cause.id)
        assert (metadata.correlation_id, metadata.actor.id) == ("correlation", "execution")


async def test_other_events_are_passed_over() -> None:
    world, account_id = await a_world()
    await sent(world, account_id)
    before = (len(world.store.events), len(world.venue.sent))
    await handle(world.here, last(world, "OrderAccepted"))
    assert (len(world.store.events), len(world.venue.sent)) == before


async def test_what_is_cancelled_before_its_intent_is_withheld() -> None:
    world, account_id = await a_world()
    order = await placed(world, account_id)
    placing = last(world, "OrderPlaced")
    await world.here.orders.cancel(CancelOrder(order.id, "c", ""), context_for("c"))
    await handle(world.here, placing)
    assert world.venue.sent == []
    withheld = decode(last(world, "OrderWithheld"))
    assert isinstance(withheld, OrderWithheld)
    assert withheld.code == "cancelled_before_sent"


async def test_an_order_that_is_not_sent_is_amended_without_the_venue() -> None:
    world, account_id = await a_world()
    order = await placed(world, account_id)
    placing = last(world, "OrderPlaced")
    request = AmendOrder(order.id, "a", Amendment(quantity=Decimal(2)))
    await world.here.orders.amend(request, context_for("a"))
    await handle(world.here, last(world, "OrderAmendRequested"))
    await handle(world.here, placing)
    assert [name for name, _ in world.venue.sent] == ["submit"]
    assert (await world.order(order.id)).terms.quantity == 2


async def test_a_fill_shows_an_amendment_that_was_never_answered_also_after_the_end() -> None:
    world, account_id = await a_world()
    order = await sent(world, account_id)
    request = AmendOrder(order.id, "a", Amendment(quantity=Decimal(3)))
    await world.here.orders.amend(request, context_for("a"))
    head = (order.venue_client_id, "v", account_id)
    await world.here.booking.book(CancelReport(*head, "user", NOON, Decimal(0)))
    await world.here.booking.book(a_fill(order, "1", "2.5"))
    late = await world.order(order.id)
    assert (late.cum_quantity, late.terms.quantity) == (Decimal("2.5"), Decimal("2.5"))
    with pytest.raises(VenueDataError):
        await world.here.booking.book(a_fill(order, "2", "1"))


async def an_amendment_on_its_way(
    world: World, order: Order, monkeypatch: pytest.MonkeyPatch
) -> tuple[asyncio.Task[None], asyncio.Future[Outcome]]:
    """Amendment a (1 -> 3) at the venue, and the answer that it does not give yet."""
    answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    asked = asyncio.Event()

    async def slow(*_: object) -> Outcome:
        asked.set()
        return await answer

    request = AmendOrder(order.id, "a", Amendment(quantity=Decimal(3)))
    await world.here.orders.amend(request, context_for("a"))
    with monkeypatch.context() as patch:
        patch.setattr(world.venue, "amend", slow)
        handling = asyncio.create_task(handle(world.here, last(world, "OrderAmendRequested")))
        await asked.wait()
    return handling, answer


@pytest.mark.parametrize("outcome", [Accepted("v", NOON), REJECTED, AMBIGUOUS])
async def test_a_late_answer_says_nothing_about_the_next_amendment(
    outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, account_id = await a_world()
    order = await sent(world, account_id)
    handling, answer = await an_amendment_on_its_way(world, order, monkeypatch)
    await world.here.booking.book(a_fill(order, "1", "1.5"))  # beyond 1: a was taken
    back = AmendOrder(order.id, "b", Amendment(quantity=Decimal(2)))
    await world.here.orders.amend(back, context_for("b"))
    answer.set_result(outcome)
    await handling
    asked = await world.order(order.id)
    assert (asked.pending_amend, asked.terms.quantity) == ("b", Decimal(3))
    await handle(world.here, last(world, "OrderAmendRequested"))
    assert ("amend", order.venue_client_id) in world.venue.sent
    assert (await world.order(order.id)).terms.quantity == 2


async def test_a_late_answer_says_nothing_about_the_next_cancel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where the order is unknown, another cancel may be asked for while one is on its way."""
    world, account_id = await a_world()
    order = await sent(world, account_id)

    async def overtaken(*_: object) -> Outcome:
        await world.here.orders.cancel(CancelOrder(order.id, "y", ""), context_for("y"))
        return REJECTED

    lost = await world.here.repository.load(Order, order.id)
    lost.request_cancel("x", "", NOON)
    lost.lose_track("timeout", NOON)
    await world.here.repository.save(lost, context_for("x"))
    with monkeypatch.context() as patch:
        patch.setattr(world.venue, "cancel", overtaken)
        await handle(world.here, last(world, "OrderCancelRequested"))
    assert (await world.order(order.id)).pending_cancel == "y"
    await handle(world.here, last(world, "OrderCancelRequested"))
    assert world.venue.sent[-1] == ("cancel", order.venue_client_id)


CUT = Amendment(quantity=Decimal("0.5"))
LARGER = Amendment(quantity=Decimal(50))
OTHER_PRICE = Amendment(quantity=Decimal("0.5"), limit_price=Decimal(101))


async def amend_requested(world: World, order: Order, amendment: Amendment) -> None:
    await world.here.orders.amend(AmendOrder(order.id, "a", amendment), context_for("a"))


async def amend_answer(world: World) -> str | None:
    """Why the amendment was refused here; None if it was sent."""
    await handle(world.here, last(world, "OrderAmendRequested"))
    if world.venue.sent[-1][0] == "amend":
        return None
    rejected = decode(last(world, "OrderAmendRejected"))
    assert isinstance(rejected, OrderAmendRejected)
    return rejected.code


@pytest.mark.parametrize(
    ("amendment", "code"),
    [(LARGER, "trading_halted"), (OTHER_PRICE, "trading_halted"), (CUT, None)],
)
@pytest.mark.parametrize("scope", ["system", "account", "client"])
async def test_a_halt_stops_the_amendments_that_do_not_only_cut(
    scope: str, amendment: Amendment, code: str | None
) -> None:
    world, account_id = await a_world()
    order = await sent(world, account_id)
    await amend_requested(world, order, amendment)
    await halted(world, scope_name(scope, account_id))
    assert await amend_answer(world) == code
    await world.settle()
    amended = await world.order(order.id)
    assert (amended.status, amended.terms == order.terms) == (OrderStatus.NEW, code is not None)
    held = (await world.account_state(account_id)).reservations[order.id]
    assert held.quantity == amended.terms.quantity


async def test_an_account_that_is_not_reconciled_stops_amendments() -> None:
    world, account_id = await a_world()
    order = await sent(world, account_id)
    await amend_requested(world, order, LARGER)
    world.here.gate.suspend(account_id, "the venue does not answer")
    assert await amend_answer(world) == "account_not_reconciled"


@pytest.mark.parametrize(
    ("quantity", "code"), [("0.9", None), ("1", None), ("1.001", "trading_reducing")]
)
async def test_reducing_measures_an_amendment_on_the_account_as_it_is(
    quantity: str, code: str | None
) -> None:
    world, account_id = await a_world()
    await a_long_position(world, account_id)
    selling = terms_of(side=Side.SELL, limit_price="101", quantity="0.5")
    order = await sent(world, account_id, selling)
    await amend_requested(world, order, Amendment(quantity=Decimal(quantity)))
    await reduced(world, "system")
    assert await amend_answer(world) == code


async def test_a_halt_that_comes_while_the_account_is_read_stops_an_amendment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, account_id = await a_world()
    order = await sent(world, account_id)
    await amend_requested(world, order, LARGER)
    await reduced(world, f"account:{account_id}")
    look = Repository.look

    async def halting(self: Repository, kind: type[Any], aggregate_id: str) -> Any:
        looked = await look(self, kind, aggregate_id)
        if kind is Account:
            await halted(world, "system")
        return looked

    monkeypatch.setattr(Repository, "look", halting)
    assert await amend_answer(world) == "trading_halted"


async def test_a_trailing_stop_follows_the_market_through_a_halt() -> None:
    world, account_id = await a_world()
    stop = terms_of(OrderType.TRAILING_STOP, Side.SELL, trailing_offset="5", stop_price="95")
    order = await sent(world, account_id, stop)
    await halted(world, "system")
    following = await world.here.repository.load(Order, order.id)
    move(following, Decimal(97), NOON)
    await world.here.repository.save(following, context_for("move"))
    assert await amend_answer(world) is None
    assert (await world.order(order.id)).stop_price == 97


async def test_of_an_amendment_that_may_have_been_sent_only_the_venue_can_tell() -> None:
    world, account_id = await a_world()
    order = await sent(world, account_id)
    await amend_requested(world, order, LARGER)
    await halted(world, "system")
    event = decode(last(world, "OrderAmendRequested"))
    assert isinstance(event, OrderAmendRequested)
    await world.here.submission.amend(event, context_for("x"), handed_over=True)
    assert ("amend", order.venue_client_id) not in world.venue.sent
    assert (await world.order(order.id)).status is OrderStatus.PENDING_REPLACE
    assert order.id in world.here.inquiry._doubts
