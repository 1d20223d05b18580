"""A second set of books: whether all that a venue says of an account is one story.

It is kept from executions and orders alone, in plain sums.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal

from domain.venue import FillReport, OpenOrder, OrderState, VenueStatus
from tests.contract.trader import Trader
from tests.contract.venues import VenueUnderTest

ZERO = Decimal(0)


async def assert_books_agree(on: VenueUnderTest) -> None:
    """Fills, open orders, single orders, positions and balances of every account traded for."""
    for account_id in on.trader.begun_with:
        books = Books(await on.trader.fills(account_id))
        open_orders = await on.trader.open_orders(account_id)
        await books.learn_orders(on.trader, account_id, open_orders)
        books.check_orders(open_orders)
        await books.check_money(on.trader, account_id)


class Books:
    """One account's."""

    def __init__(self, fills: Sequence[FillReport]) -> None:
        self.fills = fills
        self.orders: dict[str, OrderState] = {}
        numbers = Counter((fill.symbol, fill.trade_id) for fill in fills)
        assert all(count == 1 for count in numbers.values()), "an execution came twice"

    async def learn_orders(
        self, trader: Trader, account_id: str, open_orders: Mapping[str, OpenOrder]
    ) -> None:
        """Each order by the venue's own id, as the question about it is answered."""
        accepted = {each for each, owner in trader.accepted_ids.items() if owner == account_id}
        executed = {fill.venue_order_id for fill in self.fills}
        listed = {each.venue_order_id for each in open_orders.values()}
        for venue_order_id in accepted | executed | listed:
            state = await trader.by_venue_id(venue_order_id, account_id)
            assert isinstance(state, OrderState), f"order {venue_order_id} is not known"
            self.orders[venue_order_id] = state

    def check_orders(self, open_orders: Mapping[str, OpenOrder]) -> None:
        filled: dict[str, Decimal] = defaultdict(Decimal)
        for fill in self.fills:
            filled[fill.venue_order_id] += fill.quantity
        for venue_order_id, state in self.orders.items():
            assert state.cum_quantity == filled[venue_order_id]
            assert state.cum_quantity <= state.terms.quantity
        working = {
            each.client_order_id: each
            for each in self.orders.values()
            if each.status is VenueStatus.WORKING
        }
        assert working.keys() == open_orders.keys()
        for name, state in working.items():
            told = open_orders[name]
            assert told.venue_order_id == state.venue_order_id
            assert (told.terms, told.cum_quantity) == (state.terms, state.cum_quantity)

    async def check_money(self, trader: Trader, account_id: str) -> None:
        """A balance is what there was, less fees, less what was paid for more than is held."""
        positions = await trader.positions(account_id)
        balances = await trader.balances(account_id)
        held = {each.symbol: each.quantity for each in positions}
        assert held == {symbol: quantity for symbol, quantity in self._held().items() if quantity}
        cost = sum((each.cost for each in positions), ZERO)
        had = trader.begun_with[account_id].get("USDT", ZERO)
        assert balances.get("USDT", ZERO) == had - self._fees() - self._paid() + cost

    def _sign(self, fill: FillReport) -> int:
        return self.orders[fill.venue_order_id].terms.side.sign

    def _held(self) -> dict[str, Decimal]:
        held: dict[str, Decimal] = defaultdict(Decimal)
        for fill in self.fills:
            held[fill.symbol] += self._sign(fill) * fill.quantity
        return held

    def _paid(self) -> Decimal:
        return sum((self._sign(fill) * fill.quantity * fill.price for fill in self.fills), ZERO)

    def _fees(self) -> Decimal:
        return sum((fill.fee for fill in self.fills), ZERO)
