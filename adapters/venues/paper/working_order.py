"""An order at the venue from its acceptance to its end."""

from decimal import Decimal
from enum import Enum, auto

import msgspec

from domain.decimals import ZERO
from domain.order.terms import OrderTerms, OrderType, Side
from domain.order.trailing import TrailingStop
from domain.venue import OpenOrder, VenueOrder

OrderKey = tuple[str, str]
"""Account id and client order id: unique among open orders only."""


class Stage(Enum):
    """How the order meets the market now."""

    DORMANT = auto()
    """One leg of an OCO pair; the other has not arrived."""
    STOP = auto()
    """Waits for a trade to reach its stop."""
    MARKET = auto()
    """Takes whatever the next quotes display."""
    LIMIT = auto()
    """Rests at its price."""


class WorkingOrder(msgspec.Struct, frozen=True):
    """``priority`` orders arrivals; ``trailed_stop`` is where a trailing stop stands.

    ``settlement_asset`` is None if the journal is too old to say; then it is the fees' asset.
    """

    order: VenueOrder
    venue_order_id: str
    priority: int
    paired: bool
    cum_quantity: Decimal = ZERO
    triggered: bool = False
    trailed_stop: Decimal | None = None
    settlement_asset: str | None = None

    @property
    def key(self) -> OrderKey:
        return self.order.account_id, self.order.client_order_id

    @property
    def partner_key(self) -> OrderKey | None:
        linked = self.order.linked_client_order_id
        return None if linked is None else (self.order.account_id, linked)

    @property
    def terms(self) -> OrderTerms:
        return self.order.terms

    @property
    def side(self) -> Side:
        return self.order.terms.side

    @property
    def leaves_quantity(self) -> Decimal:
        return self.order.terms.quantity - self.cum_quantity

    @property
    def stage(self) -> Stage:
        if not self.paired:
            return Stage.DORMANT
        if self.terms.type in STOP_TYPES and not self.triggered:
            return Stage.STOP
        return Stage.MARKET if self.terms.limit_price is None else Stage.LIMIT

    def trailing(self) -> TrailingStop:
        """Where its trailing stop stands now."""
        terms = self.terms
        return TrailingStop(
            protects_long=terms.side is Side.SELL,
            offset=terms.trailing_offset,
            steps=terms.trailing_steps,
            entry=terms.entry_price,
            stop=self.trailed_stop,
        )

    def is_triggered_by(self, price: Decimal) -> bool:
        """True if a public trade at ``price`` sets off this stop, take-profit or trailing stop."""
        if self.terms.type is OrderType.TRAILING_STOP:
            return self.trailing().is_hit(price)
        stop = self.terms.stop_price
        assert stop is not None
        rises = (self.side is Side.BUY) == (self.terms.type is OrderType.STOP_LOSS)
        return price >= stop if rises else price <= stop

    def as_open_order(self) -> OpenOrder:
        return OpenOrder(
            client_order_id=self.order.client_order_id,
            venue_order_id=self.venue_order_id,
            account_id=self.order.account_id,
            terms=self.terms,
            cum_quantity=self.cum_quantity,
        )


STOP_TYPES = frozenset({OrderType.STOP_LOSS, OrderType.TAKE_PROFIT, OrderType.TRAILING_STOP})
