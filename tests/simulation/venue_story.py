"""What the venue's journal tells, added up from its entries alone: the independent truth.

Money is counted in fractions, so that no rounding of the core's can hide in it.
"""

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction

from adapters.venues.paper.entry import Amended, Busted, Entry, Opened, Transferred
from domain.decimals import ZERO
from domain.order.order import order_id_of
from domain.order.terms import OrderTerms, Side
from domain.venue import CancelReport, ExpireReport, FillReport
from tests.simulation.market import UNTRADED

SETTLEMENT_ASSET = "USDT"
"""Of every contract of the simulated market."""


class VenueOrderStory:
    """One order at the venue. ``largest`` is the most that any of its terms has asked for."""

    def __init__(self, opened: Opened) -> None:
        self.client_order_id = opened.order.client_order_id
        self.venue_order_id = opened.venue_order_id
        self.account_id = opened.order.account_id
        self.order_id = order_id_of(self.client_order_id)
        self.side: Side = opened.order.terms.side
        self.terms: OrderTerms = opened.order.terms
        self.largest: Decimal = self.terms.quantity
        self.executed = ZERO
        self.is_open = True
        self.has_bust = False

    @property
    def leaves_quantity(self) -> Decimal:
        return self.terms.quantity - self.executed if self.is_open else ZERO

    def amend(self, terms: OrderTerms) -> None:
        self.terms = terms
        self.largest = max(self.largest, terms.quantity)

    def execute(self, quantity: Decimal) -> None:
        self.executed += quantity
        self.is_open = self.is_open and self.executed < self.terms.quantity


class VenueStory:
    """A fold of the journal by hand, which shares nothing with the venue's own book."""

    def __init__(self) -> None:
        self.orders: dict[str, VenueOrderStory] = {}
        self.opened: dict[str, int] = defaultdict(int)
        self.fills: dict[tuple[str, str, str], FillReport] = {}
        self.positions: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
        self.busted: dict[tuple[str, str, str], None] = {}
        self.flows: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
        """By account and asset: transfers, less what trades and their fees took out."""
        self.untraded: dict[str, Decimal] = defaultdict(Decimal)
        """By account: what was bought of the contract that the core does not trade."""
        self.manual_accounts: dict[str, None] = {}
        """Accounts in which somebody traded at the venue without the core."""

    def tell(self, entry: Entry) -> VenueOrderStory | None:
        """Take in one entry; the order it is about."""
        if isinstance(entry, Transferred):
            self.flows[entry.account_id, entry.asset] += Fraction(entry.amount)
            return None
        if isinstance(entry, Opened):
            return self._open(entry)
        order = self.orders[entry.client_order_id]
        match entry:
            case Amended():
                order.amend(entry.terms)
            case FillReport():
                self._fill(entry, order)
            case Busted():
                self._bust(entry, order)
            case CancelReport() | ExpireReport():
                assert entry.cum_quantity == order.executed
                order.is_open = False
            case _:
                pass
        return order

    def _open(self, opened: Opened) -> VenueOrderStory:
        order = VenueOrderStory(opened)
        self.opened[order.client_order_id] += 1
        self.orders[order.client_order_id] = order
        if order.order_id is None:
            self.manual_accounts[order.account_id] = None
        return order

    def _fill(self, fill: FillReport, order: VenueOrderStory) -> None:
        order.execute(fill.quantity)
        self.fills[fill.account_id, fill.symbol, fill.trade_id] = fill
        self._pay(fill, order.side.sign)

    def _bust(self, busted: Busted, order: VenueOrderStory) -> None:
        fill = busted.fill
        order.executed -= fill.quantity
        order.has_bust = True
        self.busted[fill.account_id, fill.symbol, fill.trade_id] = None
        self._pay(fill, -order.side.sign)
        self.flows[fill.account_id, fill.fee_asset] += 2 * Fraction(fill.fee)

    def _pay(self, fill: FillReport, sign: int) -> None:
        self.flows[fill.account_id, fill.fee_asset] -= Fraction(fill.fee)
        if fill.symbol == UNTRADED:
            self.untraded[fill.account_id] += fill.quantity
            return
        signed = sign * Fraction(fill.quantity)
        self.positions[fill.account_id, fill.symbol] += signed
        self.flows[fill.account_id, SETTLEMENT_ASSET] -= signed * Fraction(fill.price)
