"""Which orders a venue takes, and what becomes of them when nothing else is asked."""

from datetime import timedelta

import msgspec
import pytest

from domain.order.terms import TimeInForce
from domain.venue import Absent, Accepted, OpenOrder, Rejected, SendWindow, VenueOrder
from tests.contract.trader import ACCOUNT, OTHER_ACCOUNT, accepted, rejected
from tests.contract.venue_cases import CASES, NAMES, PART, QUANTITY, Case
from tests.contract.venue_story import D, limit, move, order, show
from tests.contract.venues import VenueUnderTest

NOTHING = D(0)

BREACHES: list[tuple[dict[str, object], str]] = [
    ({"quantity": D("4.2")}, "lot_size"),
    ({"quantity": D("100.5")}, "lot_size"),
    ({"symbol": "NOPEUSDT"}, "unknown_symbol"),
    ({"quantity": D(0)}, "not_positive"),
]


@pytest.mark.parametrize("case", CASES, ids=NAMES)
async def test_an_accepted_order_is_open(on: VenueUnderTest, case: Case) -> None:
    venue_order_id = await case.place(on)
    told = (await on.trader.open_orders())["x"]
    assert told == OpenOrder("x", venue_order_id, ACCOUNT, case.placed.terms, NOTHING)
    assert await on.trader.status("x") == ("working", NOTHING, "")


@pytest.mark.parametrize("case", CASES, ids=NAMES)
async def test_it_fills_in_part_and_then_in_full(on: VenueUnderTest, case: Case) -> None:
    await case.place(on)
    move(on, *case.wake, case.part)
    assert await on.trader.status("x") == ("working", PART, "")
    assert (await on.trader.open_orders())["x"].cum_quantity == PART
    move(on, case.rest)
    assert await on.trader.status("x") == ("filled", QUANTITY, "")
    assert await on.trader.open_orders() == {}


@pytest.mark.parametrize("case", CASES, ids=NAMES)
async def test_it_fills_at_once_where_all_is_there(on: VenueUnderTest, case: Case) -> None:
    await case.place(on)
    move(on, *case.wake, case.rest)
    assert await on.trader.status("x") == ("filled", QUANTITY, "")
    fills = [fill for fill in await on.trader.fills() if fill.client_order_id == "x"]
    assert len(fills) == 1


@pytest.mark.parametrize("case", CASES, ids=NAMES)
async def test_what_breaks_a_rule_is_rejected(on: VenueUnderTest, case: Case) -> None:
    for change, code in BREACHES:
        terms = msgspec.structs.replace(case.placed.terms, **change)
        refused = msgspec.structs.replace(case.placed, terms=terms)
        assert (await rejected(on.trader.submit(refused))).code == code
    assert isinstance(await on.trader.state("x"), Absent)


@pytest.mark.parametrize(
    ("refused", "code"),
    [
        (limit("x", "buy", "1", "9.05"), "price_filter"),
        (limit("x", "buy", "1", "1000.1"), "price_filter"),
        (order("x", "sell", "stop_loss", "1", stop_price=D("9.05")), "price_filter"),
        (order("x", "sell", "take_profit", "1", stop_price=D("9.05")), "price_filter"),
        (limit("x", "buy", "0.5", "9"), "min_notional"),
        (order("x", "buy", "market", "60"), "market_lot_size"),
        (order("x", "buy", "limit", "1"), "missing_field"),
        (order("x", "buy", "stop_loss", "1"), "missing_field"),
        (order("x", "buy", "trailing_stop", "1"), "invalid_trailing"),
        (limit("x", "buy", "1", "9", time_in_force=TimeInForce.GTD), "invalid_expiry"),
        (limit("x", "buy", "1", "9", linked="x"), "invalid_link"),
        (limit("", "buy", "1", "9"), "invalid_client_order_id"),
        (limit("x" * 37, "buy", "1", "9"), "invalid_client_order_id"),
        (order("x", "sell", "oco", "1", limit_price=D(11), stop_price=D(9)), "unsupported_type"),
    ],
)
async def test_each_rule_has_its_code(on: VenueUnderTest, refused: VenueOrder, code: str) -> None:
    show(on, "10.0", "10.1")
    assert (await rejected(on.trader.submit(refused))).code == code
    assert await on.trader.open_orders() == {}


async def test_a_date_that_has_passed_is_rejected(on: VenueUnderTest) -> None:
    expire_at = on.clock.now() - timedelta(seconds=1)
    late = limit("x", "buy", "1", "9", time_in_force=TimeInForce.GTD, expire_at=expire_at)
    assert (await rejected(on.trader.submit(late))).code == "expired"


# The client's own id


async def test_a_client_order_id_names_one_open_order(on: VenueUnderTest) -> None:
    await accepted(on.trader.submit(limit("x", "buy", "1", "9")))
    answer = await rejected(on.trader.submit(limit("x", "buy", "2", "9")))
    assert answer.code == "duplicate_client_order_id"
    assert (await on.trader.open_orders())["x"].terms.quantity == D(1)


async def test_the_same_id_of_another_account_is_another_order(on: VenueUnderTest) -> None:
    await accepted(on.trader.submit(limit("x", "buy", "1", "9")))
    await accepted(on.trader.submit(limit("x", "buy", "2", "9", account_id=OTHER_ACCOUNT)))
    assert (await on.trader.known("x")).terms.quantity == D(1)
    assert (await on.trader.known("x", OTHER_ACCOUNT)).terms.quantity == D(2)


@pytest.mark.parametrize("end", ["filled", "cancelled"])
async def test_an_id_is_free_again_once_its_order_has_ended(on: VenueUnderTest, end: str) -> None:
    first = await accepted(on.trader.submit(limit("x", "buy", "1", "9")))
    if end == "filled":
        move(on, CASES[1].rest)
    else:
        await accepted(on.trader.cancel("x"))
    assert (await on.trader.status("x"))[0] == end
    second = await accepted(on.trader.submit(limit("x", "buy", "2", "9")))
    assert second.venue_order_id != first.venue_order_id
    assert (await on.trader.known("x")).venue_order_id == second.venue_order_id


# Orders that do not stay


async def test_immediate_orders_take_what_is_there_or_leave(on: VenueUnderTest) -> None:
    show(on, "10.0", "10.1", "2")
    ioc, fok = TimeInForce.IOC, TimeInForce.FOK
    await accepted(on.trader.submit(limit("short", "buy", "5", "10.1", time_in_force=fok)))
    assert await on.trader.status("short") == ("cancelled", NOTHING, "fok")
    await accepted(on.trader.submit(limit("below", "buy", "5", "10.0", time_in_force=ioc)))
    assert await on.trader.status("below") == ("cancelled", NOTHING, "ioc")
    await accepted(on.trader.submit(limit("all", "buy", "1", "10.1", time_in_force=fok)))
    assert await on.trader.status("all") == ("filled", D(1), "")
    await accepted(on.trader.submit(limit("some", "buy", "5", "10.1", time_in_force=ioc)))
    assert await on.trader.status("some") == ("cancelled", D(1), "ioc")
    market = order("market", "sell", "market", "5", time_in_force=ioc)
    await accepted(on.trader.submit(market))
    assert await on.trader.status("market") == ("cancelled", D(2), "ioc")
    assert await on.trader.open_orders() == {}


async def test_a_post_only_order_never_takes(on: VenueUnderTest) -> None:
    show(on, "10.0", "10.1")
    outcome = await on.trader.submit(limit("p", "buy", "1", "10.1", post_only=True))
    if isinstance(outcome, Accepted):
        assert await on.trader.status("p") == ("cancelled", NOTHING, "post_only")
    assert await on.trader.fills() == []
    assert await on.trader.open_orders() == {}


async def test_a_reduce_only_order_never_opens_a_position(on: VenueUnderTest) -> None:
    show(on, "10.0", "10.1")
    await on.trader.submit(order("r", "sell", "market", "1", reduce_only=True))
    assert await on.trader.fills() == []
    assert await on.trader.open_orders() == {}


# The window


@pytest.mark.parametrize(
    ("sent", "valid"),
    [(-6, -0.000001), (-3600, -3595), (3600, 3605)],
    ids=["just late", "an hour late", "an hour early"],
)
async def test_what_comes_outside_its_window_is_rejected(
    on: VenueUnderTest, sent: float, valid: float
) -> None:
    now = on.clock.now()
    window = SendWindow(now + timedelta(seconds=sent), now + timedelta(seconds=valid))
    late = msgspec.structs.replace(limit("x", "buy", "1", "9"), window=window)
    outcome = await on.trader.send_once(late)
    if isinstance(outcome, Rejected):
        assert outcome.code == "outside_window"
    assert not isinstance(outcome, Accepted)
    assert isinstance(await on.trader.state("x"), Absent)


@pytest.mark.parametrize(("sent", "valid"), [(0, 0), (1, 1), (-60, 0)])
async def test_the_edges_of_the_window_are_within(
    direct: VenueUnderTest, sent: float, valid: float
) -> None:
    now = direct.clock.now()
    window = SendWindow(now + timedelta(seconds=sent), now + timedelta(seconds=valid))
    order_ = msgspec.structs.replace(limit("x", "buy", "1", "9"), window=window)
    await accepted(direct.trader.send_once(order_))


async def test_a_sender_whose_clock_is_ahead_is_told(direct: VenueUnderTest) -> None:
    now = direct.clock.now()
    window = SendWindow(now + timedelta(seconds=1.000001), now + timedelta(seconds=60))
    early = msgspec.structs.replace(limit("x", "buy", "1", "9"), window=window)
    assert (await rejected(direct.trader.send_once(early))).code == "outside_window"


async def test_a_window_that_has_closed_hides_no_order_that_came_before(
    on: VenueUnderTest,
) -> None:
    placed = await accepted(on.trader.submit(limit("x", "buy", "1", "9")))
    await on.trader.pass_time(3600)
    assert (await on.trader.known("x")).venue_order_id == placed.venue_order_id
