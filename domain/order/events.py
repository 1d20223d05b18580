"""What can happen to an order."""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from domain.event import Event, event_type
from domain.fees import Liquidity
from domain.order.fill import Fill
from domain.order.status import Ending, OrderStatus
from domain.order.terms import OrderTerms, Side
from domain.risk.verdict import Verdict
from domain.venue import Amendment

if TYPE_CHECKING:
    from domain.order.order import Order


class OrderEvent(Event, frozen=True, kw_only=True):
    """Base of the events of an order stream. ``account_id`` is in each, for readers of one type."""

    account_id: str

    def apply(self, aggregate: "Order") -> None:
        raise NotImplementedError


class _Decision(OrderEvent, frozen=True, kw_only=True):
    """A decision on a new order, with every control's verdict.

    ``correlation_id`` is here as well as in the metadata: what the venue reports later belongs to
    the same correlation.
    """

    client_id: str
    client_order_id: str
    terms: OrderTerms
    worst_price: Decimal
    settlement_asset: str
    correlation_id: str
    verdicts: tuple[Verdict, ...]
    strategy_id: str | None = None
    linked_order_id: str | None = None

    def apply(self, aggregate: "Order") -> None:
        aggregate.placed_at = self.timestamp
        aggregate.account_id = self.account_id
        aggregate.client_id = self.client_id
        aggregate.client_order_id = self.client_order_id
        aggregate.terms = aggregate.placed_terms = self.terms
        aggregate.settlement_asset = self.settlement_asset
        aggregate.correlation_id = self.correlation_id
        aggregate.worst_price = self.worst_price
        aggregate.strategy_id = self.strategy_id
        aggregate.linked_order_id = self.linked_order_id
        aggregate.verdicts = self.verdicts


@event_type
class OrderPlaced(_Decision, frozen=True, kw_only=True):
    """Every control passed and the money is reserved; the venue does not know yet."""


@event_type
class OrderRefused(_Decision, frozen=True, kw_only=True):
    """A control said no. ``code`` is the first failed verdict's."""

    code: str

    def apply(self, aggregate: "Order") -> None:
        super().apply(aggregate)
        aggregate.refusal_code = self.code
        aggregate.ending = Ending.REFUSED


@event_type
class OrderSubmitting(OrderEvent, frozen=True, kw_only=True):
    """The intent: from here on, and until ``valid_until`` on the venue's clock, it may arrive."""

    leader_epoch: int
    valid_until: datetime | None = None

    def apply(self, aggregate: "Order") -> None:
        aggregate.submitted = True
        aggregate.submitted_at = self.timestamp
        aggregate.valid_until = self.valid_until


@event_type
class OrderWithheld(OrderEvent, frozen=True, kw_only=True):
    """The order was placed and will never be sent.

    Trading was halted or reduced since, or the account is not reconciled, or it was cancelled.
    """

    code: str
    reason: str

    def apply(self, aggregate: "Order") -> None:
        aggregate.end(Ending.WITHHELD)


@event_type
class OrderAbandoned(OrderEvent, frozen=True, kw_only=True):
    """Money was reserved for an order that was never recorded; from now on it cannot be."""

    def apply(self, aggregate: "Order") -> None:
        aggregate.account_id = self.account_id
        aggregate.ending = Ending.ABANDONED


@event_type
class OrderAccepted(OrderEvent, frozen=True, kw_only=True):
    """The venue has the order."""

    venue_order_id: str
    accepted_at: datetime

    def apply(self, aggregate: "Order") -> None:
        aggregate.venue_order_id = self.venue_order_id
        aggregate.accepted = True
        aggregate.unknown = False


@event_type
class OrderRejected(OrderEvent, frozen=True, kw_only=True):
    """The venue does not take the order; nothing of it was executed."""

    code: str
    reason: str

    def apply(self, aggregate: "Order") -> None:
        aggregate.end(Ending.REJECTED)


@event_type
class OrderUnknown(OrderEvent, frozen=True, kw_only=True):
    """No answer that could be trusted. Only the venue's own evidence ends this state."""

    reason: str

    def apply(self, aggregate: "Order") -> None:
        aggregate.unknown = True


@event_type
class OrderTriggered(OrderEvent, frozen=True, kw_only=True):
    """A stop or take-profit reached its price."""

    price: Decimal
    triggered_at: datetime

    def apply(self, aggregate: "Order") -> None:
        aggregate.triggered = True
        aggregate.unknown = False


@event_type
class TrailingStopMoved(OrderEvent, frozen=True, kw_only=True):
    """The stop followed the market."""

    stop_price: Decimal

    def apply(self, aggregate: "Order") -> None:
        aggregate.stop_price = self.stop_price


@event_type
class OrderFilled(OrderEvent, frozen=True, kw_only=True):
    """One execution, partial or last; the quantities are those after it.

    ``execution_number`` counts this order's executions, busts and corrections from 1. A fill that
    comes after the order's end is booked: ``leaves_quantity`` stays zero.
    """

    execution_number: int
    trade_id: str
    symbol: str
    settlement_asset: str
    side: Side
    quantity: Decimal
    price: Decimal
    liquidity: Liquidity
    fee: Decimal
    fee_asset: str
    cum_quantity: Decimal
    leaves_quantity: Decimal
    executed_at: datetime

    def apply(self, aggregate: "Order") -> None:
        aggregate.unknown = False
        aggregate.book(
            Fill(
                number=self.execution_number,
                trade_id=self.trade_id,
                quantity=self.quantity,
                price=self.price,
                liquidity=self.liquidity,
                fee=self.fee,
                fee_asset=self.fee_asset,
                executed_at=self.executed_at,
            )
        )


@event_type
class FillBusted(OrderEvent, frozen=True, kw_only=True):
    """The venue cancelled an execution it had reported (FIX ExecType H, trade cancel)."""

    execution_number: int
    fill: Fill
    symbol: str
    settlement_asset: str
    side: Side
    cum_quantity: Decimal
    leaves_quantity: Decimal
    reason: str

    def apply(self, aggregate: "Order") -> None:
        aggregate.bust(self.fill.trade_id, self.execution_number)


@event_type
class OrderCancelRequested(OrderEvent, frozen=True, kw_only=True):
    """Somebody wants the order off the book."""

    request_id: str
    reason: str

    def apply(self, aggregate: "Order") -> None:
        aggregate.pending_cancel = self.request_id
        aggregate.requests[self.request_id] = None


@event_type
class OrderCancelled(OrderEvent, frozen=True, kw_only=True):
    """The venue says that the order is off the book."""

    reason: str
    cum_quantity: Decimal

    def apply(self, aggregate: "Order") -> None:
        aggregate.end(Ending.CANCELLED)


@event_type
class OrderCancelRejected(OrderEvent, frozen=True, kw_only=True):
    """The venue did not cancel; the order is again what ``restored_status`` says."""

    request_id: str
    code: str
    reason: str
    restored_status: OrderStatus

    def apply(self, aggregate: "Order") -> None:
        aggregate.pending_cancel = None


@event_type
class OrderAmendRequested(OrderEvent, frozen=True, kw_only=True):
    """Somebody wants other terms. ``worst_price`` is the reservation's if the venue agrees."""

    request_id: str
    amendment: Amendment
    worst_price: Decimal
    verdicts: tuple[Verdict, ...]

    def apply(self, aggregate: "Order") -> None:
        aggregate.pending_amendment = self.amendment
        aggregate.amend_requested_at = self.timestamp
        aggregate.pending_amend = self.request_id
        aggregate.pending_worst_price = self.worst_price
        aggregate.requests[self.request_id] = self.amendment


@event_type
class OrderAmended(OrderEvent, frozen=True, kw_only=True):
    """The venue works the order on the new terms (FIX ExecType 5, replaced)."""

    request_id: str
    terms: OrderTerms
    cum_quantity: Decimal
    leaves_quantity: Decimal
    worst_price: Decimal

    def apply(self, aggregate: "Order") -> None:
        aggregate.take_amendment(self.terms, self.worst_price)


@event_type
class OrderAmendRejected(OrderEvent, frozen=True, kw_only=True):
    """The old terms stay; the order is again what ``restored_status`` says.

    The venue did not take the new ones, or they were not sent, as trading was stopped meanwhile.
    """

    request_id: str
    code: str
    reason: str
    restored_status: OrderStatus
    leaves_quantity: Decimal
    worst_price: Decimal

    def apply(self, aggregate: "Order") -> None:
        aggregate.drop_amendment()


@event_type
class OrderAmendAbandoned(OrderEvent, frozen=True, kw_only=True):
    """Money was reserved for an amendment that was not requested in time.

    The order needs what ``leaves_quantity`` and ``worst_price`` say, with what is still pending.
    """

    request_id: str
    leaves_quantity: Decimal
    worst_price: Decimal

    def apply(self, aggregate: "Order") -> None:
        """The order itself is as it was, one version on."""


@event_type
class OrderExpired(OrderEvent, frozen=True, kw_only=True):
    """A good-till-date order reached its date."""

    cum_quantity: Decimal

    def apply(self, aggregate: "Order") -> None:
        aggregate.end(Ending.EXPIRED)
