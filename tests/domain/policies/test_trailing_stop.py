from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.event import decode
from domain.order.events import OrderAmendRequested
from domain.order.order import Order
from domain.order.terms import OrderTerms, OrderType, Side, TimeInForce
from domain.order.trailing import TrailingStep, TrailingStop
from domain.policies.trailing_stop import MOST_ASKED, venue_terms
from domain.venue import Amendment
from tests.domain.execution.sent import a_world
from tests.domain.policies.desk import ABLE, BARE, PolicyDesk, accept, fill, record, types_of
from tests.domain.world import NOON, World, a_quote, terms_of

TRAILING = terms_of(OrderType.TRAILING_STOP, Side.SELL, trailing_offset="5")


async def trailing(terms: OrderTerms = TRAILING) -> tuple[World, PolicyDesk, str]:
    """An order that is not sent yet, at a quote of 100.00 to 100.10."""
    world, account_id = await a_world()
    order_id = (await world.place(account_id, terms)).order_id
    desk = PolicyDesk(world)
    return world, desk, order_id


def quote(world: World, bid: str, ask: str | None = None) -> None:
    world.quotes["BTCUSDT"] = a_quote(bid, ask or str(Decimal(bid) + 1), at=world.clock.at)


async def stop_of(world: World, order_id: str) -> Decimal | None:
    return (await world.order(order_id)).stop_price


async def test_the_first_stop_is_in_the_log_before_the_order_is_sent() -> None:
    world, desk, order_id = await trailing()
    assert venue_terms(TRAILING, BARE, None) is None
    await desk.run()
    order = await world.order(order_id)
    assert types_of(world, order_id) == ["OrderPlaced", "TrailingStopMoved"]
    sent = venue_terms(order.terms, BARE, order.stop_price)
    assert sent == terms_of(OrderType.STOP_LOSS, Side.SELL, stop_price="95")


async def test_the_stop_follows_the_market_up_and_never_down() -> None:
    world, desk, order_id = await trailing()
    await desk.run()
    await accept(world, order_id)
    quote(world, "110")
    await desk.after(1)
    request = decode(world.recorded(Order.stream_of(order_id))[-1])
    assert isinstance(request, OrderAmendRequested)
    assert request.amendment.stop_price == 105
    assert request.worst_price == (await world.order(order_id)).worst_price
    assert await stop_of(world, order_id) == 95
    await desk.after(1)
    assert types_of(world, order_id)[-1] == "OrderAmendRequested"
    await record(world, order_id, lambda order: order.amend(NOON))
    assert types_of(world, order_id)[-2:] == ["OrderAmended", "TrailingStopMoved"]
    assert await stop_of(world, order_id) == 105
    quote(world, "101")
    await desk.after(5)
    assert types_of(world, order_id)[-1] == "TrailingStopMoved"


async def test_the_reservation_stays() -> None:
    world, desk, order_id = await trailing()
    await desk.run()
    await accept(world, order_id)
    account_id = (await world.order(order_id)).account_id
    before = (await world.account_state(account_id)).reservations[order_id]
    quote(world, "110")
    await desk.after(1)
    await record(world, order_id, lambda order: order.amend(NOON))
    await desk.run()
    held = (await world.account_state(account_id)).reservations[order_id]
    assert (held.amount, held.quantity, held.price) == (
        before.amount,
        before.quantity,
        before.price,
    )


async def test_a_move_that_did_not_come_about_is_asked_for_a_few_times() -> None:
    world, desk, order_id = await trailing()
    await desk.run()
    await accept(world, order_id)
    for _ in range(200):
        quote(world, "110")
        await desk.after(1)
        await record(world, order_id, lambda order: order.reject_amend("no", "no", NOON))
    assert types_of(world, order_id).count("OrderAmendRequested") == MOST_ASKED
    for _ in range(60):
        quote(world, "110.01")
        await desk.after(1)
    assert types_of(world, order_id)[-1] == "OrderAmendRequested"


@pytest.mark.parametrize(
    "happen",
    [
        lambda order: order.trigger(Decimal(94), NOON, NOON),
        lambda order: order.cancel("user", NOON),
        lambda order: order.lose_track("lost", NOON),
        lambda order: order.request_cancel("mine", "x", NOON),
    ],
)
async def test_no_stop_moves_that_is_history_or_in_doubt(happen) -> None:  # type: ignore[no-untyped-def]
    world, desk, order_id = await trailing()
    await desk.run()
    await accept(world, order_id)
    await record(world, order_id, happen)
    before = types_of(world, order_id)
    quote(world, "120")
    await desk.after(5)
    assert types_of(world, order_id) == before


async def test_a_trailing_stop_that_works_again_is_followed_again() -> None:
    """It had filled; then the venue agreed to a larger quantity."""
    world, desk, order_id = await trailing()
    await desk.run()
    await accept(world, order_id)
    larger = Amendment(quantity=Decimal(2))
    await record(world, order_id, lambda o: o.request_amend("a", larger, o.worst_price, (), NOON))
    await fill(world, order_id, "1", "1", "95")
    await desk.run()
    assert len(desk.agendas["trailing_stop"]) == 0
    await record(world, order_id, lambda order: order.amend(NOON))
    quote(world, "120")
    await desk.after(1)
    assert types_of(world, order_id)[-1] == "OrderAmendRequested"


async def test_an_order_that_triggered_unheard_is_not_moved() -> None:
    world, desk, order_id = await trailing()
    await desk.run()
    await accept(world, order_id)
    quote(world, "120")
    world.clock.at += timedelta(seconds=1)
    await record(world, order_id, lambda order: order.trigger(Decimal(94), NOON, NOON))
    await desk.look()
    assert types_of(world, order_id)[-1] == "OrderTriggered"


@pytest.mark.parametrize("change", ["old", "missing", "crossed"])
async def test_a_quote_that_tells_nothing_moves_nothing(change: str) -> None:
    world, desk, order_id = await trailing()
    await desk.run()
    await accept(world, order_id)
    world.clock.at += timedelta(seconds=1)
    if change == "missing":
        del world.quotes["BTCUSDT"]
    else:
        quote(world, "120", "119" if change == "crossed" else None)
        world.clock.at += timedelta(seconds=6) if change == "old" else timedelta()
    await desk.run()
    assert types_of(world, order_id)[-1] == "OrderAccepted"


async def test_profit_steps_hold_the_order_back_until_one_is_reached() -> None:
    steps = (TrailingStep(Decimal("1.5"), Decimal("1.2345678")),)
    terms = msgspec.structs.replace(
        TRAILING, trailing_offset=None, trailing_steps=steps, entry_price=Decimal(100)
    )
    world, desk, order_id = await trailing(terms)
    await desk.run()
    await desk.after(10)
    assert types_of(world, order_id) == ["OrderPlaced"]
    quote(world, "150")
    await desk.after(1)
    assert await stop_of(world, order_id) == Decimal("123.45")


async def test_a_first_stop_of_the_clients_is_where_it_starts() -> None:
    terms = msgspec.structs.replace(TRAILING, stop_price=Decimal(97))
    world, desk, order_id = await trailing(terms)
    sent = venue_terms(terms, BARE, None)
    assert sent is not None
    assert sent.stop_price == 97
    await desk.run()
    assert types_of(world, order_id) == ["OrderPlaced"]
    quote(world, "102.01")
    await desk.after(1)
    assert await stop_of(world, order_id) == Decimal("97.01")


async def test_a_buy_stop_follows_the_ask_down() -> None:
    terms = msgspec.structs.replace(TRAILING, side=Side.BUY)
    world, desk, order_id = await trailing(terms)
    await desk.run()
    assert await stop_of(world, order_id) == Decimal("105.10")
    quote(world, "89", "90")
    await desk.after(1)
    assert await stop_of(world, order_id) == 95


async def test_a_venue_that_trails_by_itself_is_left_to_it() -> None:
    assert venue_terms(TRAILING, ABLE, None) is TRAILING
    world, account_id = await a_world()
    order_id = (await world.place(account_id, TRAILING)).order_id
    desk = PolicyDesk(world, capabilities=ABLE)
    await desk.run()
    await desk.after(10)
    assert types_of(world, order_id) == ["OrderPlaced"]


def test_good_till_date_becomes_good_till_cancelled_where_the_venue_knows_no_dates() -> None:
    terms = terms_of(time_in_force=TimeInForce.GTD, expire_at=NOON)
    assert venue_terms(terms, ABLE, None) is terms
    assert venue_terms(terms, BARE, None) == terms_of()


OFFSETS = st.integers(1, 5_000).map(lambda n: Decimal(n) / 1000)
PRICES = st.lists(st.integers(1, 20_000).map(lambda n: Decimal(n) / 1000), max_size=30)
TICKS = st.sampled_from([Decimal(0), Decimal("0.01"), Decimal("0.25"), Decimal("0.3")])


@given(st.booleans(), OFFSETS, PRICES, TICKS)
def test_stops_on_ticks(long: bool, offset: Decimal, prices: list[Decimal], tick: Decimal) -> None:
    """Against the exact stop: never closer to the market, never a tick or more behind."""
    exact = TrailingStop(protects_long=long, offset=offset, steps=(), entry=None)
    rounded = exact
    for price in prices:
        before = rounded
        exact, rounded = exact.observe(price), rounded.follow(price, tick)
        if rounded.stop is None:
            assert exact.stop is None or exact.stop < tick
            continue
        assert exact.stop is not None
        behind = exact.stop - rounded.stop if long else rounded.stop - exact.stop
        assert 0 <= behind < tick or behind == tick == 0
        assert tick == 0 or rounded.stop % tick == 0
        if before.stop is not None:
            assert (rounded.stop - before.stop) * (1 if long else -1) >= 0
