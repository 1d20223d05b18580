"""What every control looks at: one order, and the state it would go out in."""

from datetime import datetime
from decimal import Decimal

import msgspec

from domain.account.account import Account
from domain.account.reservation_book import OpenSide
from domain.controls.reducing import only_reduces, open_beside
from domain.instrument import Instrument
from domain.market_data import Quote
from domain.order.terms import OrderTerms, Side
from domain.risk.risk_limits import RiskLimits


class OrderCheck(msgspec.Struct, frozen=True):
    """``quantity`` is what would be open: for an amended order, what is not filled yet.

    ``scopes`` are those that bind the order, widest first. The account's own reservation for the
    order, where it has one already, is left out of what the account holds otherwise.
    """

    order_id: str
    terms: OrderTerms
    quantity: Decimal
    worst_price: Decimal
    instrument: Instrument
    account: Account
    quote: Quote | None
    scopes: tuple[RiskLimits, ...]
    scopes_are_current: bool
    now: datetime
    max_quote_age_ms: int

    @property
    def value(self) -> Decimal:
        return self.quantity * self.worst_price

    @property
    def quote_age_ms(self) -> int | None:
        if self.quote is None:
            return None
        return round((self.now - self.quote.at).total_seconds() * 1000)

    @property
    def other_orders(self) -> int:
        """How many other orders hold a reservation: working, unknown or on their way."""
        return len(self.account.reservations) - (self.order_id in self.account.reservations)

    def open_side(self, symbol: str, side: Side) -> OpenSide:
        """What the account's other orders on one side of an instrument can still trade."""
        return open_beside(self.account, self.order_id, symbol, side)

    @property
    def is_reducing(self) -> bool:
        """True if the order, and all others on its side, can only make the position smaller."""
        return only_reduces(self.account, self.order_id, self.terms, self.quantity)
