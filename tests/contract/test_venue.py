"""What every venue must do, whatever it is made of."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.fees import Liquidity
from domain.market_data import Quote, Trade
from domain.order.terms import OrderTerms, OrderType, Side, TimeInForce
from domain.order.trailing import TrailingStep
from domain.venue import (
    Absent,
    Accepted,
    Amendment,
    CancelReport,
    ExpireReport,
    FillReport,
    OpenOrder,
    Outcome,
    Rejected,
    Report,
    StopMovedReport,
    TriggerReport,
    VenueOrder,
    VenueStatus,
)
from tests.contract.venues import FEES, INSTRUMENT, VENUES, Opener, VenueUnderTest
from tests.doubles.manual_clock import START

D = Decimal
ACCOUNT = "5f0c1a34-9d1e-4c77-8d54-0f6f3b8f7a11"


@pytest.fixture(params=VENUES)
def venue_opener(request: pytest.FixtureRequest) -> Opener:
    return VENUES[request.param](request)


@pytest.fixture
async def on(venue_opener: Opener) -> AsyncIterator[VenueUnderTest]:
    async with venue_opener() as under_test:
        yield under_test


def order(name: str, side: str, type_: str, quantity: str, **fields: Any) -> VenueOrder:
    linked, account_id = fields.pop("linked", None), fields.pop("account_id", ACCOUNT)
    terms = OrderTerms(
        symbol=fields.pop("symbol", INSTRUMENT.symbol),
        side=Side(side),
        type=OrderType(type_),
        quantity=D(quantity),
        **fields,
    )
    return VenueOrder(name, account_id, terms, linked)


def limit(name: str, side: str, quantity: str, price: str, **fields: Any) -> VenueOrder:
    return order(name, side, "limit", quantity, limit_price=D(price), **fields)


def show(on: VenueUnderTest, bid: str, ask: str, quantity: str = "10") -> None:
    at = on.clock.now()
    on.market(Quote(INSTRUMENT.symbol, D(bid), D(quantity), D(ask), D(quantity), at))


def print_trade(on: VenueUnderTest, price: str, quantity: str = "10") -> None:
    at = on.clock.now()
    on.market(Trade(INSTRUMENT.symbol, 1, D(price), D(quantity), buyer_is_maker=True, at=at))


async def accepted(outcome: Awaitable[Outcome]) -> Accepted:
    answer = await outcome
    assert isinstance(answer, Accepted), answer
    return answer


async def rejected(outcome: Awaitable[Outcome]) -> Rejected:
    answer = await outcome
    assert isinstance(answer, Rejected), answer
    assert answer.code
    assert answer.reason
    return answer


class Heard:
    """Reports since a moment, in order."""

    def __init__(self, on: VenueUnderTest) -> None:
        self._reports = on.venue.reports()

    async def next(self) -> Report:
        return await asyncio.wait_for(anext(self._reports), 10)

    async def fill(self) -> FillReport:
        report = await self.next()
        assert isinstance(report, FillReport), report
        return report

    async def cancel(self) -> tuple[str, str]:
        report = await self.next()
        assert isinstance(report, CancelReport), report
        return report.client_order_id, report.reason


async def open_orders(on: VenueUnderTest) -> dict[str, OpenOrder]:
    return {each.client_order_id: each for each in await on.venue.open_orders(ACCOUNT)}


GTD = {"time_in_force": TimeInForce.GTD, "expire_at": START + timedelta(hours=1)}
LASTING = [
    limit("x", "buy", "1", "9"),
    limit("x", "sell", "1", "11"),
    limit("x", "buy", "1", "9", post_only=True),
    limit("x", "buy", "1", "9", **GTD),
    order("x", "sell", "stop_loss", "1", stop_price=D(9)),
    order("x", "sell", "stop_loss", "1", stop_price=D(9), limit_price=D("8.9")),
    order("x", "sell", "take_profit", "1", stop_price=D(11)),
    order("x", "sell", "stop_loss", "1", stop_price=D(9), reduce_only=True),
    order("x", "sell", "trailing_stop", "1", trailing_offset=D(1)),
    order("x", "sell", "trailing_stop", "1", entry_price=D(10),
          trailing_steps=(TrailingStep(D("1.5"), D("1.5")),)),
    limit("x", "sell", "1", "11", linked="y"),
]  # fmt: skip


@pytest.mark.parametrize("placed", LASTING, ids=lambda each: str(each.terms.type))
async def test_an_accepted_order_is_open_until_it_is_cancelled(
    on: VenueUnderTest, placed: VenueOrder
) -> None:
    heard = Heard(on)
    show(on, "10.0", "10.1")
    answer = await accepted(on.venue.submit(placed))
    told = (await open_orders(on))["x"]
    assert told == OpenOrder("x", answer.venue_order_id, ACCOUNT, placed.terms, D(0))
    again = await accepted(on.venue.cancel(ACCOUNT, "x"))
    assert again.venue_order_id == answer.venue_order_id
    assert await heard.cancel() == ("x", "user")
    assert await open_orders(on) == {}


async def test_a_fill_is_reported_in_full_and_found_again(on: VenueUnderTest) -> None:
    heard = Heard(on)
    show(on, "10.0", "10.1")
    answer = await accepted(on.venue.submit(order("x", "buy", "market", "2")))
    fill = await heard.fill()
    assert fill.client_order_id == "x"
    assert fill.venue_order_id == answer.venue_order_id
    assert (fill.account_id, fill.symbol) == (ACCOUNT, INSTRUMENT.symbol)
    assert (fill.quantity, fill.price, fill.liquidity) == (D(2), D("10.1"), Liquidity.TAKER)
    assert (fill.fee, fill.fee_asset) == (FEES.fee(D("20.2"), Liquidity.TAKER), "USDT")
    assert await on.venue.fills_since(ACCOUNT, START) == [fill]
    assert await open_orders(on) == {}


async def test_partial_fills_add_up_and_show_in_the_open_order(on: VenueUnderTest) -> None:
    heard = Heard(on)
    show(on, "10.0", "10.1", "2")
    await accepted(on.venue.submit(order("x", "buy", "market", "5")))
    first = await heard.fill()
    assert (await open_orders(on))["x"].cum_quantity == D(2)
    show(on, "10.0", "10.2", "2")
    show(on, "10.0", "10.3", "2")
    fills = [first, await heard.fill(), await heard.fill()]
    assert [(fill.quantity, fill.price) for fill in fills] == [
        (D(2), D("10.1")),
        (D(2), D("10.2")),
        (D(1), D("10.3")),
    ]
    assert len({fill.trade_id for fill in fills}) == 3
    assert await open_orders(on) == {}


async def test_a_resting_limit_order_fills_as_maker(on: VenueUnderTest) -> None:
    heard = Heard(on)
    show(on, "10.0", "10.1")
    await accepted(on.venue.submit(limit("x", "buy", "2", "9.9")))
    print_trade(on, "9.9")
    fill = await heard.fill()
    assert (fill.quantity, fill.price, fill.liquidity) == (D(2), D("9.9"), Liquidity.MAKER)


@pytest.mark.parametrize(
    ("refused", "code"),
    [
        (limit("x", "buy", "1", "9", symbol="NOPEUSDT"), "unknown_symbol"),
        (limit("x", "buy", "1", "9.05"), "price_filter"),
        (limit("x", "buy", "1.2", "9"), "lot_size"),
        (limit("x", "buy", "0.5", "9"), "min_notional"),
        (order("x", "buy", "limit", "1"), "missing_field"),
    ],
)
async def test_what_breaks_a_rule_is_rejected(
    on: VenueUnderTest, refused: VenueOrder, code: str
) -> None:
    show(on, "10.0", "10.1")
    assert (await rejected(on.venue.submit(refused))).code == code
    assert await open_orders(on) == {}


async def test_a_client_order_id_names_one_open_order(on: VenueUnderTest) -> None:
    await accepted(on.venue.submit(limit("x", "buy", "1", "9")))
    answer = await rejected(on.venue.submit(limit("x", "buy", "2", "9")))
    assert answer.code == "duplicate_client_order_id"
    assert (await open_orders(on))["x"].terms.quantity == D(1)


async def test_immediate_orders_do_not_stay(on: VenueUnderTest) -> None:
    heard = Heard(on)
    show(on, "10.0", "10.1", "2")
    for name, tif in (("i", TimeInForce.IOC), ("f", TimeInForce.FOK)):
        await accepted(on.venue.submit(limit(name, "buy", "5", "10.0", time_in_force=tif)))
        assert await heard.cancel() == (name, str(tif))
    fok = limit("f", "buy", "2", "10.1", time_in_force=TimeInForce.FOK)
    await accepted(on.venue.submit(fok))
    assert (await heard.fill()).quantity == D(2)
    assert await open_orders(on) == {}


async def test_a_post_only_order_never_takes(on: VenueUnderTest) -> None:
    heard = Heard(on)
    show(on, "10.0", "10.1")
    outcome = await on.venue.submit(limit("p", "buy", "1", "10.1", post_only=True))
    if isinstance(outcome, Accepted):
        assert await heard.cancel() == ("p", "post_only")
    assert await on.venue.fills_since(ACCOUNT, START) == []
    assert await open_orders(on) == {}


async def test_a_reduce_only_order_never_opens_a_position(on: VenueUnderTest) -> None:
    show(on, "10.0", "10.1")
    await on.venue.submit(order("r", "sell", "market", "1", reduce_only=True))
    assert await on.venue.fills_since(ACCOUNT, START) == []
    assert await open_orders(on) == {}


async def test_a_stop_triggers_then_fills(on: VenueUnderTest) -> None:
    heard = Heard(on)
    show(on, "8.9", "9.1")
    await accepted(on.venue.submit(order("s", "sell", "stop_loss", "1", stop_price=D(9))))
    print_trade(on, "9.0")
    trigger = await heard.next()
    assert isinstance(trigger, TriggerReport)
    assert (await heard.fill()).price == D("8.9")


async def test_a_trailing_stop_says_where_it_stands(on: VenueUnderTest) -> None:
    heard = Heard(on)
    await accepted(on.venue.submit(order("t", "sell", "trailing_stop", "1", trailing_offset=D(1))))
    print_trade(on, "12.0")
    moved = await heard.next()
    assert isinstance(moved, StopMovedReport)
    assert moved.stop_price == D(11)


async def test_of_two_linked_orders_one_executes(on: VenueUnderTest) -> None:
    heard = Heard(on)
    stop = order("s", "sell", "stop_loss", "1", stop_price=D(9), linked="l")
    await accepted(on.venue.submit(stop))
    await accepted(on.venue.submit(limit("l", "sell", "1", "11", linked="s")))
    print_trade(on, "11.0")
    print_trade(on, "8.0")
    assert (await heard.fill()).client_order_id == "l"
    assert await heard.cancel() == ("s", "oco")
    assert len(await on.venue.fills_since(ACCOUNT, START)) == 1


async def test_a_gtd_order_expires(on: VenueUnderTest) -> None:
    heard = Heard(on)
    expire_at = on.clock.now() + timedelta(seconds=5)
    gtd = limit("g", "buy", "1", "9", time_in_force=TimeInForce.GTD, expire_at=expire_at)
    await accepted(on.venue.submit(gtd))
    await on.clock.until_asleep()
    await on.clock.advance(6)
    assert isinstance(await heard.next(), ExpireReport)
    assert await open_orders(on) == {}


async def test_an_amendment_shows_in_the_open_order(on: VenueUnderTest) -> None:
    placed = await accepted(on.venue.submit(limit("x", "buy", "2", "9")))
    change = Amendment(quantity=D(1), limit_price=D("9.1"))
    answer = await accepted(on.venue.amend(ACCOUNT, "x", change))
    assert answer.venue_order_id == placed.venue_order_id
    terms = (await open_orders(on))["x"].terms
    assert (terms.quantity, terms.limit_price) == (D(1), D("9.1"))


async def test_an_amendment_cannot_go_below_what_is_filled(on: VenueUnderTest) -> None:
    await accepted(on.venue.submit(limit("x", "buy", "3", "9")))
    print_trade(on, "9.0", "2")
    await rejected(on.venue.amend(ACCOUNT, "x", Amendment(quantity=D(1))))
    assert (await open_orders(on))["x"].terms.quantity == D(3)


@pytest.mark.parametrize("end", ["never", "filled", "cancelled"])
async def test_amend_and_cancel_come_too_late(on: VenueUnderTest, end: str) -> None:
    await accepted(on.venue.submit(limit("filled", "buy", "1", "9")))
    print_trade(on, "9.0")
    await accepted(on.venue.submit(limit("cancelled", "buy", "1", "9")))
    await accepted(on.venue.cancel(ACCOUNT, "cancelled"))
    assert (await rejected(on.venue.cancel(ACCOUNT, end))).code == "unknown_order"
    late = on.venue.amend(ACCOUNT, end, Amendment(quantity=D(2)))
    assert (await rejected(late)).code == "unknown_order"
    assert len(await on.venue.fills_since(ACCOUNT, START)) == 1


async def test_a_cancel_that_races_a_fill_has_one_winner(on: VenueUnderTest) -> None:
    for number in range(10):
        name = f"x{number}"
        await accepted(on.venue.submit(limit(name, "buy", "1", "9")))
        cancel = asyncio.create_task(on.venue.cancel(ACCOUNT, name))
        if number % 2:
            await asyncio.sleep(0)
        print_trade(on, "9.0")
        outcome = await cancel
        fills = await on.venue.fills_since(ACCOUNT, START)
        is_filled = any(fill.client_order_id == name for fill in fills)
        assert is_filled == isinstance(outcome, Rejected)
        assert await open_orders(on) == {}


async def found(on: VenueUnderTest, name: str) -> tuple[str, Decimal, str] | None:
    state = await on.venue.find_order(ACCOUNT, name)
    return None if isinstance(state, Absent) else (state.status, state.cum_quantity, state.reason)


async def test_any_order_it_ever_had_is_found_by_its_client_id(on: VenueUnderTest) -> None:
    assert await found(on, "x") is None
    first = await accepted(on.venue.submit(limit("x", "buy", "2", "9")))
    assert await found(on, "x") == (VenueStatus.WORKING, D(0), "")
    print_trade(on, "9.0", "1")
    assert await found(on, "x") == (VenueStatus.WORKING, D(1), "")
    await accepted(on.venue.cancel(ACCOUNT, "x"))
    assert await found(on, "x") == (VenueStatus.CANCELLED, D(1), "user")
    second = await accepted(on.venue.submit(limit("x", "buy", "1", "9")))
    assert second.venue_order_id != first.venue_order_id
    print_trade(on, "9.0", "1")
    assert await found(on, "x") == (VenueStatus.FILLED, D(1), "")
    assert isinstance(await on.venue.find_order("other", "x"), Absent)


async def test_fills_since_is_inclusive_and_of_one_account(on: VenueUnderTest) -> None:
    show(on, "10.0", "10.1")
    for name in ("a", "b"):
        await accepted(on.venue.submit(order(name, "buy", "market", "1")))
        await on.clock.advance(60)
    await accepted(on.venue.submit(order("c", "buy", "market", "1", account_id="other")))
    first, second = await on.venue.fills_since(ACCOUNT, START)
    assert (first.client_order_id, second.client_order_id) == ("a", "b")
    assert await on.venue.fills_since(ACCOUNT, second.at) == [second]
    assert await on.venue.fills_since(ACCOUNT, second.at + timedelta(microseconds=1)) == []


async def test_every_listener_hears_the_same_from_its_call_on(on: VenueUnderTest) -> None:
    early = Heard(on)
    show(on, "10.0", "10.1")
    await accepted(on.venue.submit(order("a", "buy", "market", "1")))
    assert (await early.fill()).client_order_id == "a"
    late = Heard(on)
    await accepted(on.venue.submit(order("b", "buy", "market", "1")))
    assert (await late.fill()).client_order_id == "b"
    assert (await early.fill()).client_order_id == "b"


async def test_a_crash_changes_nothing_that_was_told(on: VenueUnderTest) -> None:
    show(on, "10.0", "10.1")
    await accepted(on.venue.submit(order("m", "buy", "market", "1")))
    await accepted(on.venue.submit(limit("l", "buy", "3", "9")))
    print_trade(on, "9.0", "1")
    before = (await open_orders(on), await on.venue.fills_since(ACCOUNT, START))
    after = await on.restart()
    assert (await open_orders(after), await after.venue.fills_since(ACCOUNT, START)) == before
    print_trade(after, "9.0", "2")
    fills = await after.venue.fills_since(ACCOUNT, START)
    assert [fill.quantity for fill in fills] == [D(1), D(1), D(2)]
    assert len({fill.trade_id for fill in fills}) == 3
