"""The venue's record of one order, from its journal."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from adapters.venues.paper.entry import Amended, Opened, OrderEntry
from adapters.venues.paper.order_state import newest_order
from domain.fees import Liquidity
from domain.order.terms import OrderTerms, OrderType, Side
from domain.venue import CancelReport, ExpireReport, FillReport, VenueOrder, VenueStatus

START = datetime(2026, 1, 1, tzinfo=UTC)
TERMS = OrderTerms("BTCUSDT", Side.BUY, OrderType.LIMIT, Decimal(2), limit_price=Decimal(100))


def opened(number: int = 1) -> Opened:
    return Opened(VenueOrder("c", "a", TERMS), str(number), START)


def fill(number: int, quantity: str) -> FillReport:
    return FillReport(
        client_order_id="c",
        venue_order_id="1",
        account_id="a",
        symbol="BTCUSDT",
        trade_id=str(number),
        quantity=Decimal(quantity),
        price=Decimal(100),
        liquidity=Liquidity.MAKER,
        fee=Decimal(0),
        fee_asset="USDT",
        at=START + timedelta(seconds=number),
    )


def test_an_order_that_was_never_accepted_is_not_known() -> None:
    assert newest_order([]) is None


def test_an_order_works_until_something_ends_it() -> None:
    state = newest_order([opened(), fill(1, "0.5")])
    assert state is not None
    assert (state.status, state.cum_quantity) == (VenueStatus.WORKING, Decimal("0.5"))
    assert state.at == START + timedelta(seconds=1)


def test_fills_up_to_the_amended_quantity_fill_it() -> None:
    smaller = OrderTerms("BTCUSDT", Side.BUY, OrderType.LIMIT, Decimal(1), limit_price=Decimal(100))
    amended = Amended("c", "1", "a", smaller, keeps_priority=True, at=START)
    entries: list[OrderEntry] = [opened(), amended, fill(1, "0.5"), fill(2, "0.5")]
    state = newest_order(entries)
    assert state is not None
    assert (state.status, state.cum_quantity) == (VenueStatus.FILLED, Decimal(1))


def test_a_cancel_keeps_what_was_filled_and_its_reason() -> None:
    state = newest_order([opened(), fill(1, "1"), CancelReport("c", "1", "a", "oco", START)])
    assert state is not None
    assert (state.status, state.cum_quantity) == (VenueStatus.CANCELLED, Decimal(1))
    assert state.reason == "oco"


def test_an_expiry_ends_it() -> None:
    state = newest_order([opened(), ExpireReport("c", "1", "a", START)])
    assert state is not None
    assert state.status is VenueStatus.EXPIRED


def test_a_client_id_used_again_names_the_newest_order() -> None:
    state = newest_order([opened(1), CancelReport("c", "1", "a", "user", START), opened(2)])
    assert state is not None
    assert (state.status, state.venue_order_id) == (VenueStatus.WORKING, "2")
