from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest

from domain.account.account import Account
from domain.execution.account_records import AccountRecords
from domain.execution.holdings_check import ADJUSTED_AFTER_SECONDS, HoldingsCheck
from domain.execution.inquiry import LISTED_AFTER
from domain.execution.reconciliation import FAILURES_ADMITTED, Reconciliation
from domain.execution.venue_accounts import VenueAccounts
from domain.order.order import SEND_WINDOW, Order
from domain.order.status import OrderStatus
from domain.risk.trading_state import TradingState
from domain.use_cases.account_desk import OpenAccount
from domain.use_cases.requests import AmendOrder
from domain.venue import (
    Ambiguous,
    Amendment,
    CancelReport,
    OpenOrder,
    OrderState,
    VenuePosition,
    VenueStatus,
)
from tests.domain.execution.sent import a_world, handle, last, placed, sent
from tests.domain.world import FEES, NOON, World, a_fill, a_quote, context_for, terms_of

MONEY = {"USDT": Decimal(10000)}


def a_reconciliation(world: World) -> Reconciliation:
    here = world.here
    records = AccountRecords(here.repository, here.gate, world.clock)
    return Reconciliation(
        records=records,
        venue=world.venue,
        accounts=VenueAccounts(here.log, "paper"),
        booking=here.booking,
        inquiry=here.inquiry,
        gate=here.gate,
        problems=here.problems,
        holdings=HoldingsCheck(
            records=records,
            venue=world.venue,
            inquiry=here.inquiry,
            problems=here.problems,
            instruments=world.instruments,
            clock=world.clock,
        ),
        clock=world.clock,
    )


async def a_funded_world() -> tuple[World, str]:
    """The venue has what the account believes."""
    world, account_id = await a_world()
    world.venue.money = dict(MONEY)
    return world, account_id


async def rounds(world: World, count: int = 2) -> Account:
    """The only account after some rounds of one reconciliation."""
    reconciliation = a_reconciliation(world)
    for _ in range(count):
        await reconciliation.start()
        await world.settle()
        world.clock.at += timedelta(seconds=ADJUSTED_AFTER_SECONDS)
        world.quotes["BTCUSDT"] = a_quote(at=world.clock.at)
    (account_id,) = await VenueAccounts(world.here.log, "paper").list()
    return await world.account_state(account_id)


async def test_agreement_writes_nothing() -> None:
    world, account_id = await a_funded_world()
    order = await sent(world, account_id)
    world.venue.working = [OpenOrder(order.venue_client_id, "v", account_id, order.terms, D0)]
    before = len(world.store.events)
    account = await rounds(world, 3)
    assert len(world.store.events) == before
    assert account.trading_state is TradingState.ACTIVE


D0 = Decimal(0)


async def test_missed_fills_are_booked_before_positions_are_compared() -> None:
    world, account_id = await a_funded_world()
    order = await sent(world, account_id)
    world.venue.fills = [a_fill(order, "1", "1")]
    world.venue.states[order.venue_client_id] = OrderState(
        order.venue_client_id,
        "v",
        account_id,
        VenueStatus.FILLED,
        Decimal(1),
        "",
        NOON,
        order.terms,
    )
    world.venue.held = [VenuePosition("BTCUSDT", Decimal(1), Decimal(100))]
    account = await rounds(world, 3)
    assert (await world.order(order.id)).status is OrderStatus.FILLED
    assert account.position_quantity("BTCUSDT") == 1
    assert account.trading_state is TradingState.ACTIVE


async def test_a_fill_that_is_not_settled_yet_is_no_difference() -> None:
    world, account_id = await a_funded_world()
    order = await sent(world, account_id)
    world.venue.fills = [a_fill(order, "1", "1")]
    world.venue.held = [VenuePosition("BTCUSDT", Decimal(1), Decimal(100))]
    reconciliation = a_reconciliation(world)
    for _ in range(4):
        await reconciliation.start()
        world.clock.at += timedelta(seconds=ADJUSTED_AFTER_SECONDS)
    account = await world.account_state(account_id)
    assert (await world.order(order.id)).cum_quantity == 1
    assert account.position_quantity("BTCUSDT") == 0, "it is not settled"
    assert account.unacknowledged == 0
    assert account.reconciliation_failure is None


async def test_an_order_the_core_did_not_send() -> None:
    world, account_id = await a_funded_world()
    manual = OpenOrder("web_1", "77", account_id, terms_of(), D0)
    world.venue.working = [manual]
    account = await rounds(world, 3)
    assert [event.type for event in world.store.events].count("ExternalOrderFound") == 1
    assert account.trading_state is TradingState.REDUCING


@pytest.mark.parametrize(
    "by_hand", [{"quantity": Decimal(5)}, {"limit_price": Decimal(90)}], ids=str
)
async def test_an_order_that_was_amended_at_the_venue(by_hand: dict[str, Decimal]) -> None:
    world, account_id = await a_funded_world()
    order = await sent(world, account_id)
    terms = msgspec.structs.replace(order.terms, **by_hand)
    world.venue.states[order.venue_client_id] = _state(order, VenueStatus.WORKING, "0")
    world.venue.working = [OpenOrder(order.venue_client_id, "v", account_id, terms, D0)]
    account = await rounds(world, 3)
    assert [event.type for event in world.store.events].count("ExternalOrderFound") == 1
    assert account.trading_state is TradingState.REDUCING


async def test_an_amendment_that_is_taken_between_list_and_look_is_nobodys_hand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, account_id = await a_funded_world()
    order = await sent(world, account_id)
    world.venue.states[order.venue_client_id] = _state(order, VenueStatus.WORKING, "0")
    world.venue.working = [OpenOrder(order.venue_client_id, "v", account_id, order.terms, D0)]
    open_orders = world.venue.open_orders

    async def list_and_amend(account_id: str) -> Sequence[OpenOrder]:
        listed = await open_orders(account_id)
        amended = msgspec.structs.replace(order.terms, quantity=Decimal(3))
        if listed[0].terms != amended:
            request = AmendOrder(order.id, "a", Amendment(quantity=Decimal(3)))
            await world.here.orders.amend(request, context_for("a"))
            await handle(world.here, last(world, "OrderAmendRequested"))
            world.venue.working = [msgspec.structs.replace(listed[0], terms=amended)]
        return listed

    monkeypatch.setattr(world.venue, "open_orders", list_and_amend)
    account = await rounds(world, 3)
    assert (await world.order(order.id)).terms.quantity == 3
    assert account.trading_state is TradingState.ACTIVE


async def test_reducing_until_acknowledged() -> None:
    world, account_id = await a_funded_world()
    world.venue.working = [OpenOrder("web_1", "77", account_id, terms_of(), D0)]
    await rounds(world)
    refused = await world.place(account_id, terms_of(), "while reducing")
    assert refused.code == "trading_reducing"
    account = await world.here.repository.load(Account, account_id, newest=True)
    account.acknowledge_external("seen", NOON)
    await world.here.repository.save(account, context_for("acknowledge"))
    assert (await world.place(account_id, terms_of(), "after")).code is None
    assert (await rounds(world)).trading_state is TradingState.ACTIVE


async def test_a_position_the_core_does_not_know_is_taken_at_the_second_look() -> None:
    world, _ = await a_funded_world()
    world.venue.held = [VenuePosition("ETHUSDT", Decimal(-2), Decimal(-200))]
    assert (await rounds(world, 1)).position_quantity("ETHUSDT") == 0
    account = await rounds(world, 2)
    assert account.position_quantity("ETHUSDT") == -2
    assert account.positions["ETHUSDT"].cost == -200
    assert account.trading_state is TradingState.REDUCING
    before = len(world.store.events)
    await rounds(world, 3)
    assert len(world.store.events) == before


async def test_a_balance_that_differs_is_taken_and_trading_goes_on() -> None:
    world, _ = await a_funded_world()
    world.venue.money = {"USDT": Decimal("9999.5")}
    account = await rounds(world, 2)
    assert account.balance("USDT") == Decimal("9999.5")
    assert account.trading_state is TradingState.ACTIVE


async def test_a_difference_that_changes_is_only_under_way() -> None:
    world, account_id = await a_funded_world()
    reconciliation = a_reconciliation(world)
    for quantity in (1, 2, 3, 4):
        world.venue.held = [VenuePosition("ETHUSDT", Decimal(quantity), Decimal(100))]
        await reconciliation.start()
        world.clock.at += timedelta(seconds=ADJUSTED_AFTER_SECONDS)
    assert (await world.account_state(account_id)).unacknowledged == 0


async def test_a_position_by_hand_is_found_while_the_account_goes_on_trading() -> None:
    """Own fills move quantity and cash on both sides; what is between the sides stays."""
    world, account_id = await a_funded_world()
    reconciliation = a_reconciliation(world)
    short = VenuePosition("ETHUSDT", Decimal(-2), Decimal(-200))
    fee_by_hand, bought = Decimal("0.2"), D0
    for number in range(5):
        order = await sent(world, account_id, terms_of(quantity="1"))
        fill = a_fill(order, str(number), "1", fee="0.5")
        await world.here.booking.book(fill)
        await world.settle()
        bought += 1
        world.venue.fills.append(fill)
        world.venue.states[order.venue_client_id] = _state(order, VenueStatus.FILLED, "1")
        world.venue.held = [short, VenuePosition("BTCUSDT", bought, 100 * bought)]
        world.venue.money = {"USDT": MONEY["USDT"] - bought / 2 - fee_by_hand}
        await reconciliation._round(admitted=FAILURES_ADMITTED)
        world.clock.at += timedelta(seconds=ADJUSTED_AFTER_SECONDS / 4)
        world.quotes["BTCUSDT"] = a_quote(at=world.clock.at)
    account = await world.account_state(account_id)
    assert account.position_quantity("ETHUSDT") == -2
    assert account.position_quantity("BTCUSDT") == 5
    assert account.balance("USDT") == Decimal("9997.3")
    assert account.trading_state is TradingState.REDUCING


async def test_a_fill_that_can_never_be_booked_does_not_hide_the_position() -> None:
    world, account_id = await a_funded_world()
    order = await sent(world, account_id)
    world.venue.fills = [a_fill(order, "1", "1.5")]
    world.venue.states[order.venue_client_id] = _state(order, VenueStatus.FILLED, "1.5")
    world.venue.held = [VenuePosition("BTCUSDT", Decimal("1.5"), Decimal(150))]
    account = await rounds(world, 3)
    assert (await world.order(order.id)).cum_quantity == 0
    assert last(world, "VenueDataProblem")
    assert account.position_quantity("BTCUSDT") == Decimal("1.5")
    assert account.trading_state is TradingState.REDUCING


async def test_an_account_that_differs_at_the_start_trades_once_that_is_cleared_up() -> None:
    world, account_id = await a_funded_world()
    world.venue.held = [VenuePosition("ETHUSDT", Decimal(-2), Decimal(-200))]
    order = await placed(world, account_id)
    reconciliation = a_reconciliation(world)
    await reconciliation.start()
    await handle(world.here, last(world, "OrderPlaced"))
    assert world.venue.sent == []
    assert (await world.order(order.id)).status is OrderStatus.CANCELLED
    assert (await world.account_state(account_id)).trading_state is TradingState.HALTED
    for _ in range(2):
        await world.settle()
        world.clock.at += timedelta(seconds=ADJUSTED_AFTER_SECONDS)
        await reconciliation._round(admitted=FAILURES_ADMITTED)
    assert (await world.account_state(account_id)).trading_state is TradingState.REDUCING


async def test_what_differs_while_it_runs_is_watched_and_the_account_goes_on() -> None:
    world, account_id = await a_funded_world()
    reconciliation = a_reconciliation(world)
    await reconciliation.start()
    world.venue.money = {"USDT": Decimal("9999.5")}
    for _ in range(2 * FAILURES_ADMITTED):
        await reconciliation._round(admitted=FAILURES_ADMITTED)
    assert (await world.account_state(account_id)).trading_state is TradingState.ACTIVE


async def test_an_order_that_works_after_its_end_is_told_and_to_be_cancelled() -> None:
    world, account_id = await a_funded_world()
    order = await sent(world, account_id)
    await world.here.booking.book(
        CancelReport(order.venue_client_id, "v", account_id, "user", NOON, D0)
    )
    await world.settle()
    world.venue.working = [OpenOrder(order.venue_client_id, "v", account_id, order.terms, D0)]
    world.venue.states[order.venue_client_id] = _state(order, VenueStatus.WORKING, "0")
    account = await rounds(world, 1)
    assert last(world, "VenueDataProblem")
    assert account.unacknowledged == 0
    stray = world.here.inquiry.cancels.get_nowait()
    assert stray.id == order.id
    await world.here.submission.cancel_stray(stray)
    assert world.venue.sent[-1] == ("cancel", order.venue_client_id)


async def test_a_difference_waits_for_an_answer_that_may_explain_it() -> None:
    """A bust of which neither a report came nor the answer to the question for it."""
    world, account_id = await a_funded_world()
    order = await sent(world, account_id)
    await world.here.booking.book(a_fill(order, "1", "1"))
    await world.settle()
    world.venue.states[order.venue_client_id] = _state(order, VenueStatus.EXPIRED, "0")
    world.venue.does_not_tell_of = {order.venue_client_id}
    world.venue.clock = NOON + LISTED_AFTER
    account = await rounds(world, 4)
    assert account.position_quantity("BTCUSDT") == 1
    assert account.unacknowledged == 0
    assert account.trading_state is TradingState.HALTED
    world.venue.does_not_tell_of = set()
    account = await rounds(world, 3)
    assert (await world.order(order.id)).busted == {"1"}
    assert account.position_quantity("BTCUSDT") == 0
    assert account.unacknowledged == 0
    assert account.trading_state is TradingState.ACTIVE


def _state(order: Order, status: VenueStatus, filled: str) -> OrderState:
    return OrderState(
        order.venue_client_id,
        "v",
        order.account_id,
        status,
        Decimal(filled),
        "",
        NOON,
        order.terms,
    )


async def test_an_account_that_cannot_be_compared_does_not_trade() -> None:
    world, account_id = await a_funded_world()
    order = await placed(world, account_id)
    world.venue.is_down = True
    account = await rounds(world, 1)
    assert account.trading_state is TradingState.HALTED
    assert (await world.place(account_id, terms_of(), "x")).code == "trading_halted"
    await handle(world.here, last(world, "OrderPlaced"))
    assert world.venue.sent == []
    world.venue.is_down = False
    assert (await rounds(world, 1)).trading_state is TradingState.ACTIVE
    assert (await world.order(order.id)).status is OrderStatus.CANCELLED


async def test_while_running_a_few_rounds_may_fail() -> None:
    world, account_id = await a_funded_world()
    reconciliation = a_reconciliation(world)
    world.venue.is_down = True
    for failures in range(1, FAILURES_ADMITTED + 2):
        await reconciliation._round(admitted=FAILURES_ADMITTED)
        account = await world.account_state(account_id)
        assert (account.reconciliation_failure is not None) == (failures > FAILURES_ADMITTED)


async def test_an_order_that_is_not_listed_is_asked_about() -> None:
    world, account_id = await a_funded_world()
    world.venue.outcomes.append(Ambiguous("timeout"))
    order = await sent(world, account_id)
    world.venue.clock = NOON + SEND_WINDOW + timedelta(seconds=2)
    await rounds(world, 1)
    assert (await world.order(order.id)).status is OrderStatus.REJECTED


async def test_accounts_of_other_venues_are_left_alone() -> None:
    world, account_id = await a_funded_world()
    other = OpenAccount("bob", "elsewhere", Decimal(1), FEES)
    await world.here.accounts.open(other, context_for("open bob"))
    assert list(await VenueAccounts(world.here.log, "paper").list()) == [account_id]


async def test_a_fill_that_cannot_be_is_a_problem_and_the_rest_goes_on() -> None:
    world, account_id = await a_funded_world()
    order = await sent(world, account_id)
    wrong = msgspec.structs.replace(a_fill(order, "1", "1"), quantity=Decimal("NaN"))
    world.venue.fills = [wrong, a_fill(order, "2", "0.5")]
    await rounds(world, 1)
    assert last(world, "VenueDataProblem")
    assert (await world.order(order.id)).cum_quantity == Decimal("0.5")


@pytest.mark.parametrize("number", ["NaN", "Infinity"])
async def test_holdings_that_are_no_numbers_are_no_answer(number: str) -> None:
    world, _ = await a_funded_world()
    world.venue.money = {"USDT": Decimal(number)}
    account = await rounds(world, 3)
    assert account.balance("USDT") == MONEY["USDT"]
    assert account.trading_state is TradingState.HALTED
    assert number in last(world, "VenueDataProblem").data.decode()
    world.venue.money = dict(MONEY)
    world.venue.held = [VenuePosition("BTCUSDT", Decimal(number), Decimal(1))]
    assert (await rounds(world, 3)).positions == {}


@pytest.mark.parametrize("symbol", ["NOSUCHUSDT"])
async def test_a_position_in_an_unknown_instrument_is_external(symbol: str) -> None:
    world, _ = await a_funded_world()
    world.venue.held = [VenuePosition(symbol, Decimal(1), Decimal(1))]
    account = await rounds(world, 3)
    assert account.unacknowledged == 1
    assert account.trading_state is TradingState.REDUCING
    assert symbol in last(world, "VenueDataProblem").data.decode()
