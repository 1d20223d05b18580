"""The totals of a reservation book are those of adding everything up."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from domain.account.reservation import Reservation
from domain.account.reservation_book import OpenSide, ReservationBook
from domain.order.terms import Side

amounts = st.decimals(0, 10**9, places=12, allow_nan=False)
reservations = st.builds(
    Reservation,
    order_id=st.sampled_from("abcdef"),
    symbol=st.sampled_from(["BTCUSDT", "ETHUSDT"]),
    settlement_asset=st.sampled_from(["USDT", "USDC"]),
    side=st.sampled_from(Side),
    quantity=amounts,
    price=amounts,
    reduce_only=st.booleans(),
    amount=amounts,
)


@given(st.lists(reservations | st.sampled_from("abcdef"), max_size=40), st.integers(0, 40))
def test_totals_equal_sums(steps: list[Reservation | str], first_asked: int) -> None:
    """Whether they are asked for from the start, midway, or at the end only."""
    book = ReservationBook()
    for number, step in enumerate(steps):
        if number == first_asked:
            book.symbols()
        if isinstance(step, Reservation):
            book[step.order_id] = step
        else:
            book.pop(step, None)
    held = list(book.values())
    for asset in ("USDT", "USDC"):
        assert book.reserved(asset) == sum(r.amount for r in held if r.settlement_asset == asset)
    for symbol in ("BTCUSDT", "ETHUSDT"):
        for side in Side:
            on_side = [r for r in held if (r.symbol, r.side) == (symbol, side)]
            opening = [r for r in on_side if not r.reduce_only]
            assert book.open_side(symbol, side) == OpenSide(
                Decimal(sum(r.quantity for r in on_side)),
                Decimal(sum(r.quantity for r in opening)),
                Decimal(sum(r.quantity * r.price for r in opening)),
            )
    assert book.symbols() == {r.symbol for r in held if r.quantity}
