"""Everything that has happened, as the log and the venue's journal tell it."""

from collections import defaultdict
from fractions import Fraction

from adapters.venues.paper.entry import Entry
from domain.account.account import Account
from domain.account.events import (
    AccountEvent,
    BalanceAdjusted,
    FundsDeposited,
    FundsWithdrawn,
    PositionAdjusted,
    Settlement,
)
from domain.event import Event
from domain.order.events import OrderEvent, OrderFilled
from domain.order.order import Order
from domain.risk.events import RiskEvent
from domain.risk.risk_limits import RiskLimits
from domain.session.events import SessionEvent
from domain.session.session import Session
from projections.projection import Fact
from tests.simulation.venue_story import VenueOrderStory, VenueStory

TradeKey = tuple[str, str, str]
"""Account, symbol and trade id."""


class Story:
    """Folds the log as it grows, with the domain's aggregates and, for money, by hand."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.orders: dict[str, Order] = {}
        self.accounts: dict[str, Account] = {}
        self.scopes: dict[str, RiskLimits] = {}
        self.sessions: dict[str, Session] = {}
        self.venue = VenueStory()
        self.bookings: dict[TradeKey, list[OrderFilled]] = defaultdict(list)
        self.flows: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
        """By account and asset: all that went in, less all that trades and fees took out."""

    @property
    def epoch(self) -> int:
        """The newest leader's."""
        return max((session.epoch for session in self.sessions.values()), default=0)

    def tell(self, fact: Fact) -> None:
        """Take in the next event of the log."""
        self.facts.append(fact)
        event = fact.event
        match event:
            case OrderEvent():
                if isinstance(event, OrderFilled):
                    self.bookings[event.account_id, event.symbol, event.trade_id].append(event)
                event.mutate(self.orders.setdefault(event.originator_id, _order(event)))
            case AccountEvent():
                self._count(event)
                event.mutate(self.accounts.setdefault(event.originator_id, _account(event)))
            case RiskEvent():
                event.mutate(self.scopes.setdefault(event.originator_id, _scope(event)))
            case SessionEvent():
                event.mutate(self.sessions.setdefault(event.originator_id, _session(event)))

    def tell_venue(self, entry: Entry) -> VenueOrderStory | None:
        return self.venue.tell(entry)

    def _count(self, event: AccountEvent) -> None:
        """Money by account and asset, counted apart from the account's own arithmetic."""
        account_id = event.originator_id
        match event:
            case FundsDeposited():
                self.flows[account_id, event.asset] += Fraction(event.amount)
            case FundsWithdrawn():
                self.flows[account_id, event.asset] -= Fraction(event.amount)
            case BalanceAdjusted():
                self.flows[account_id, event.asset] += Fraction(event.found - event.believed)
            case PositionAdjusted():
                self.flows[account_id, event.settlement_asset] -= Fraction(
                    event.found_cost - event.believed_cost
                )
            case Settlement():
                value = Fraction(event.quantity) * Fraction(event.price) * event.side.sign
                self.flows[account_id, event.settlement_asset] -= value
                self.flows[account_id, event.fee_asset] -= Fraction(event.fee)
            case _:
                pass


def _order(event: Event) -> Order:
    return Order.empty(event.originator_id)


def _account(event: Event) -> Account:
    return Account.empty(event.originator_id)


def _scope(event: Event) -> RiskLimits:
    return RiskLimits.empty(event.originator_id)


def _session(event: Event) -> Session:
    return Session.empty(event.originator_id)
