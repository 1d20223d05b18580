"""The order: what was asked for, and the venue's truth about it."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

import msgspec

from domain.aggregate import Aggregate
from domain.decimals import ZERO
from domain.errors import Conflict, Refused
from domain.order.events import (
    FillBusted,
    OrderAbandoned,
    OrderAccepted,
    OrderAmendAbandoned,
    OrderAmended,
    OrderAmendRejected,
    OrderAmendRequested,
    OrderCancelled,
    OrderCancelRejected,
    OrderCancelRequested,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderPlaced,
    OrderRefused,
    OrderRejected,
    OrderSubmitting,
    OrderTriggered,
    OrderUnknown,
    OrderWithheld,
    TrailingStopMoved,
)
from domain.order.fill import Fill
from domain.order.status import Ending, OrderStatus
from domain.order.terms import OrderTerms, OrderType
from domain.risk.verdict import Verdict
from domain.venue import Amendment, FillReport

_STATUS_OF_ENDING = {
    Ending.REFUSED: OrderStatus.REFUSED,
    Ending.WITHHELD: OrderStatus.CANCELLED,
    Ending.ABANDONED: OrderStatus.REFUSED,
    Ending.REJECTED: OrderStatus.REJECTED,
    # A bust can leave a filled order short; what is missing does not work any more.
    Ending.FILLED: OrderStatus.CANCELLED,
    Ending.CANCELLED: OrderStatus.CANCELLED,
    Ending.EXPIRED: OrderStatus.EXPIRED,
}


SEND_WINDOW = timedelta(seconds=5)
"""How long a request may take to arrive (Binance's default ``recvWindow``)."""


class VenueDataError(Refused):
    """The venue reported something that cannot be: nothing is booked, nothing is guessed."""


class NewOrder(msgspec.Struct, frozen=True):
    """What a decision on a new order records."""

    account_id: str
    client_id: str
    client_order_id: str
    terms: OrderTerms
    worst_price: Decimal
    settlement_asset: str
    correlation_id: str
    strategy_id: str | None = None
    linked_order_id: str | None = None


class Order(Aggregate):
    """One order, with FIX semantics.

    While it works at the venue, quantity = cum_quantity + leaves_quantity. Methods that record
    what the venue says never refuse a fact that can be true, in whatever order facts arrive.
    ``requests`` holds the amend and cancel requests by id, so that a repeated one is recognised.
    """

    category: ClassVar[str] = "order"

    account_id: str
    client_id: str
    client_order_id: str
    terms: OrderTerms
    settlement_asset: str
    correlation_id: str
    worst_price: Decimal
    strategy_id: str | None
    linked_order_id: str | None
    verdicts: tuple[Verdict, ...]
    refusal_code: str | None
    placed_at: datetime
    placed_terms: OrderTerms
    venue_order_id: str | None
    stop_price: Decimal | None
    submitted: bool
    submitted_at: datetime | None
    valid_until: datetime | None
    accepted: bool
    unknown: bool
    triggered: bool
    ending: Ending | None
    pending_cancel: str | None
    pending_amend: str | None
    pending_amendment: Amendment | None
    pending_worst_price: Decimal | None
    amend_requested_at: datetime | None
    unanswered_amendment: Amendment | None
    unanswered_request: str | None
    fills: dict[str, Fill]
    busted: set[str]
    requests: dict[str, Amendment | None]
    last_execution: int
    cum_quantity: Decimal

    def _start(self) -> None:
        self.strategy_id = None
        self.linked_order_id = None
        self.verdicts = ()
        self.refusal_code = None
        self.venue_order_id = None
        self.stop_price = None
        self.submitted_at = self.valid_until = None
        self.submitted = self.accepted = self.unknown = self.triggered = False
        self.ending = None
        self.pending_cancel = self.pending_amend = None
        self.pending_amendment = None
        self.pending_worst_price = None
        self.amend_requested_at = None
        self.unanswered_amendment = None
        self.unanswered_request = None
        self.fills = {}
        self.busted = set()
        self.requests = {}
        self.last_execution = 0
        self.cum_quantity = ZERO

    # Questions

    @property
    def is_live(self) -> bool:
        """True while something of it works, or may work, at the venue."""
        return self.exists and self.ending is None

    @property
    def may_work(self) -> bool:
        """True if live, or filled while the venue may yet agree to a larger quantity."""
        return self.is_live or self.pending_amend is not None

    @property
    def in_doubt(self) -> bool:
        """True while the venue owes an answer: to the order itself, an amendment or a cancel."""
        owed = self.unknown or not self.accepted or self.pending_cancel is not None
        return self.submitted and ((self.is_live and owed) or self.pending_amend is not None)

    @property
    def amend_valid_until(self) -> datetime | None:
        """When a pending amendment can arrive no more, on the venue's clock."""
        asked_at = self.amend_requested_at
        return None if asked_at is None else asked_at + SEND_WINDOW

    @property
    def leaves_quantity(self) -> Decimal:
        return self.terms.quantity - self.cum_quantity if self.is_live else ZERO

    @property
    def most_leaves(self) -> Decimal:
        """What may still trade, if the venue takes a pending amendment or if it does not."""
        asked_for = self.pending_amendment and self.pending_amendment.quantity
        return max(self.leaves_quantity, asked_for - self.cum_quantity if asked_for else ZERO)

    @property
    def highest_worst_price(self) -> Decimal:
        """The worst price on its present terms or on those asked for."""
        return max(self.worst_price, self.pending_worst_price or ZERO)

    def is_cut(self, amendment: Amendment) -> bool:
        """True for less quantity and nothing else: nothing larger or dearer can come of it."""
        prices = (amendment.limit_price, amendment.stop_price)
        return prices == (None, None) and (amendment.quantity or ZERO) <= self.terms.quantity

    @property
    def venue_client_id(self) -> str:
        return venue_client_id_of(self.id)

    @property
    def average_price(self) -> Decimal | None:
        if self.cum_quantity == ZERO:
            return None
        return sum((f.notional for f in self.fills.values()), ZERO) / self.cum_quantity

    @property
    def status(self) -> OrderStatus:
        """By FIX precedence: a pending cancel outranks a pending replace, that the rest."""
        if self.unknown:
            return OrderStatus.UNKNOWN
        if self.pending_cancel is not None:
            return OrderStatus.PENDING_CANCEL
        if self.pending_amend is not None:
            return OrderStatus.PENDING_REPLACE
        return self._settled_status

    @property
    def _settled_status(self) -> OrderStatus:
        if self.ending is Ending.ABANDONED:
            return OrderStatus.REFUSED  # it has no terms: they were never recorded
        if self.cum_quantity == self.terms.quantity:
            return OrderStatus.FILLED
        if self.ending is not None:
            return _STATUS_OF_ENDING[self.ending]
        if self.cum_quantity > ZERO:
            return OrderStatus.PARTIALLY_FILLED
        return OrderStatus.NEW if self.accepted else OrderStatus.PENDING_NEW

    # Decisions of the core

    def place(self, order: NewOrder, verdicts: tuple[Verdict, ...], now: datetime) -> None:
        """Record that every control passed. Raises Conflict ``order_exists``."""
        self._require_new()
        self.trigger_event(
            OrderPlaced, timestamp=now, verdicts=verdicts, **msgspec.structs.asdict(order)
        )

    def refuse(self, order: NewOrder, verdicts: tuple[Verdict, ...], now: datetime) -> None:
        """Record that a control failed. Raises Conflict ``order_exists``."""
        self._require_new()
        failed = next(verdict for verdict in verdicts if not verdict.passed)
        self.trigger_event(
            OrderRefused,
            timestamp=now,
            verdicts=verdicts,
            code=failed.code,
            **msgspec.structs.asdict(order),
        )

    def submit(self, leader_epoch: int, now: datetime, valid_until: datetime | None = None) -> None:
        """Record the intent to send it, once for ever."""
        if not self.submitted and self.is_live:
            self._record(OrderSubmitting, now, leader_epoch=leader_epoch, valid_until=valid_until)

    def withhold(self, code: str, reason: str, now: datetime) -> None:
        """End what was never sent; nothing once there is an intent to send it."""
        if not self.submitted and self.is_live:
            self._record(OrderWithheld, now, code=code, reason=reason)

    def abandon(self, account_id: str, now: datetime) -> None:
        """Make sure that an order that is not recorded never will be; nothing if it is."""
        if not self.exists:
            self.trigger_event(OrderAbandoned, timestamp=now, account_id=account_id)

    def request_cancel(self, request_id: str, reason: str, now: datetime) -> None:
        """Ask for the order's end; the same request again changes nothing.

        Where the venue's answer is unknown, another request asks it again. Raises Conflict
        ``order_not_live``, ``cancel_pending``, ``idempotency_key_reused``.
        """
        if request_id in self.requests:
            if self.requests[request_id] is not None:
                raise Conflict("idempotency_key_reused", f"request {request_id} was an amendment")
            return
        self._require_live()
        if self.pending_cancel is not None and not self.unknown:
            raise Conflict("cancel_pending", f"order {self.id} is being cancelled already")
        self._record(OrderCancelRequested, now, request_id=request_id, reason=reason)

    def request_amend(
        self,
        request_id: str,
        amendment: Amendment,
        worst_price: Decimal,
        verdicts: tuple[Verdict, ...],
        now: datetime,
    ) -> None:
        """Ask for other terms; the same request again changes nothing.

        Raises Conflict ``order_not_live``, ``amend_pending``, ``cancel_pending``,
        ``idempotency_key_reused``, ``below_filled``.
        """
        if self.is_known_amendment(request_id, amendment):
            return
        self.require_amendable(amendment)
        self._record(
            OrderAmendRequested,
            now,
            request_id=request_id,
            amendment=amendment,
            worst_price=worst_price,
            verdicts=verdicts,
        )

    def is_known_amendment(self, request_id: str, amendment: Amendment) -> bool:
        if request_id not in self.requests:
            return False
        if self.requests[request_id] != amendment:
            raise Conflict("idempotency_key_reused", f"request {request_id} asked for other terms")
        return True

    def require_amendable(self, amendment: Amendment) -> None:
        self._require_live()
        if self.pending_cancel is not None:
            raise Conflict("cancel_pending", f"order {self.id} is being cancelled")
        if self.pending_amend is not None:
            raise Conflict("amend_pending", f"order {self.id} is being amended already")
        if amendment.quantity is not None and amendment.quantity <= self.cum_quantity:
            raise Conflict("below_filled", f"{self.cum_quantity:f} of order {self.id} is filled")

    def abandon_amendment(self, request_id: str, now: datetime) -> None:
        """Record that an amendment was reserved for and never requested; nothing if it was."""
        if request_id not in self.requests:
            self._record(
                OrderAmendAbandoned,
                now,
                request_id=request_id,
                leaves_quantity=self.most_leaves,
                worst_price=self.highest_worst_price,
            )

    # Facts from the venue

    def accept(self, venue_order_id: str, accepted_at: datetime, now: datetime) -> None:
        if not self.accepted or self.unknown:
            self._record(OrderAccepted, now, venue_order_id=venue_order_id, accepted_at=accepted_at)

    def reject(self, code: str, reason: str, now: datetime) -> None:
        """Raises VenueDataError ``rejected_after_fill``: what traded was not rejected."""
        if self.fills:
            raise VenueDataError("rejected_after_fill", f"order {self.id} has fills")
        if self.is_live:
            self._record(OrderRejected, now, code=code, reason=reason)

    def lose_track(self, reason: str, now: datetime) -> None:
        """Record that the venue's answer is missing or cannot be trusted."""
        if self.is_live and not self.unknown:
            self._record(OrderUnknown, now, reason=reason)

    def trigger(self, price: Decimal, triggered_at: datetime, now: datetime) -> None:
        if not self.triggered and self.is_live:
            self._record(OrderTriggered, now, price=price, triggered_at=triggered_at)

    def move_stop(self, stop_price: Decimal, now: datetime) -> None:
        if self.is_live and stop_price != self.stop_price:
            self._record(TrailingStopMoved, now, stop_price=stop_price)

    def fill(self, report: FillReport, now: datetime) -> None:
        """Book an execution once per trade id, in any state.

        More than was ordered is evidence that the venue took a pending amendment. Raises
        VenueDataError ``invalid_fill``, ``overfill``.
        """
        if report.trade_id in self.fills or report.trade_id in self.busted:
            return
        self._require_sound(report)
        cum = self.cum_quantity + report.quantity
        if cum > self.terms.quantity:
            self._take_larger_quantity(cum, report.trade_id, now)
        self._record(
            OrderFilled,
            now,
            execution_number=self.last_execution + 1,
            trade_id=report.trade_id,
            symbol=self.terms.symbol,
            settlement_asset=self.settlement_asset,
            side=self.terms.side,
            quantity=report.quantity,
            price=report.price,
            liquidity=report.liquidity,
            fee=report.fee,
            fee_asset=report.fee_asset,
            cum_quantity=cum,
            leaves_quantity=self.terms.quantity - cum if self.is_live else ZERO,
            executed_at=report.at,
        )

    def _take_larger_quantity(self, cum: Decimal, trade_id: str, now: datetime) -> None:
        """A fill beyond the quantity shows that the venue took an amendment it never answered.

        Where the order has ended since, no more is known of that amendment than this fill shows.
        """
        asked_for = self.unanswered_amendment and self.unanswered_amendment.quantity
        if self.pending_amendment is None and asked_for and cum <= asked_for:
            self._record(
                OrderAmended,
                now,
                request_id=self.unanswered_request,
                terms=msgspec.structs.replace(self.terms, quantity=cum),
                cum_quantity=self.cum_quantity,
                leaves_quantity=cum - self.cum_quantity,
                worst_price=self.worst_price,
            )
            return
        self._require_amended_to(cum, trade_id)
        self.amend(now)

    def end_requests(self, now: datetime) -> None:
        """Answer the requests that are pointless once an order is filled.

        Nothing is left to cancel, nor to amend unless it is to be larger. The venue's own answer
        may be lost, or come later.
        """
        if self.is_live:
            return
        self.reject_cancel("too_late", "the order had ended", now)
        pending = self.pending_amendment
        if pending is not None and (pending.quantity or ZERO) <= self.cum_quantity:
            self.reject_amend("too_late", "the order had ended", now)

    def bust_fill(self, trade_id: str, reason: str, now: datetime) -> None:
        """Take back an execution. Raises VenueDataError ``unknown_trade``."""
        if trade_id in self.busted:
            return
        fill = self.fills.get(trade_id)
        if fill is None:
            raise VenueDataError("unknown_trade", f"order {self.id} has no trade {trade_id}")
        cum = self.cum_quantity - fill.quantity
        self._record(
            FillBusted,
            now,
            execution_number=self.last_execution + 1,
            fill=fill,
            symbol=self.terms.symbol,
            settlement_asset=self.settlement_asset,
            side=self.terms.side,
            cum_quantity=cum,
            leaves_quantity=self.terms.quantity - cum if self.is_live else ZERO,
            reason=reason,
        )

    def correct_fill(self, trade_id: str, corrected: FillReport, now: datetime) -> None:
        """Replace an execution: its bust and the corrected one (FIX ExecType G)."""
        self.bust_fill(trade_id, f"corrected by {corrected.trade_id}", now)
        self.fill(corrected, now)

    def cancel(self, reason: str, now: datetime) -> None:
        if self.may_work:
            self._record(OrderCancelled, now, reason=reason, cum_quantity=self.cum_quantity)

    def reject_cancel(self, code: str, reason: str, now: datetime) -> None:
        if self.pending_cancel is not None:
            self._record(
                OrderCancelRejected,
                now,
                request_id=self.pending_cancel,
                code=code,
                reason=reason,
                restored_status=self._status_without_pending_cancel(),
            )

    def amend(self, now: datetime) -> None:
        """The venue took the amendment.

        What filled meanwhile stays filled: the quantity is at least that, and an order that was
        filled works again if its new quantity is larger (FIX 4.4 Appendix D, C.1.c and C.3.c).
        """
        if self.pending_amendment is None or self.pending_amend is None:
            return
        stop_price = self.pending_amendment.stop_price
        terms = amended_terms(self.terms, self.pending_amendment)
        terms = msgspec.structs.replace(terms, quantity=max(terms.quantity, self.cum_quantity))
        self._record(
            OrderAmended,
            now,
            request_id=self.pending_amend,
            terms=terms,
            cum_quantity=self.cum_quantity,
            leaves_quantity=self._leaves_on(terms),
            worst_price=self.pending_worst_price,
        )
        if stop_price is not None and terms.type is OrderType.TRAILING_STOP:
            self.move_stop(stop_price, now)

    def reject_amend(self, code: str, reason: str, now: datetime) -> None:
        if self.pending_amend is not None:
            self._record(
                OrderAmendRejected,
                now,
                request_id=self.pending_amend,
                code=code,
                reason=reason,
                restored_status=self._settled_status,
                leaves_quantity=self.leaves_quantity,
                worst_price=self.worst_price,
            )

    def expire(self, now: datetime) -> None:
        if self.may_work:
            self._record(OrderExpired, now, cum_quantity=self.cum_quantity)

    # Changes, called by events only

    def end(self, ending: Ending) -> None:
        self.ending = ending
        self.unknown = False
        self.pending_cancel = None
        if self.pending_amend is not None:
            self.unanswered_amendment = self.pending_amendment
            self.unanswered_request = self.pending_amend
        self.drop_amendment()

    def book(self, fill: Fill) -> None:
        self.fills[fill.trade_id] = fill
        self.last_execution = fill.number
        self.cum_quantity += fill.quantity
        if self.ending is None and self.cum_quantity == self.terms.quantity:
            self.ending = Ending.FILLED

    def bust(self, trade_id: str, number: int) -> None:
        self.cum_quantity -= self.fills.pop(trade_id).quantity
        self.busted.add(trade_id)
        self.last_execution = number

    def take_amendment(self, terms: OrderTerms, worst_price: Decimal) -> None:
        self.ending = None if self._leaves_on(terms) else Ending.FILLED
        self.terms = terms
        self.worst_price = worst_price
        self.unknown = False
        self.drop_amendment()

    def drop_amendment(self) -> None:
        self.pending_amend = self.pending_amendment = self.pending_worst_price = None

    # Details

    def _leaves_on(self, terms: OrderTerms) -> Decimal:
        """What would work on amended terms: a filled order only works again for a larger one."""
        works = self.is_live or terms.quantity > self.terms.quantity
        return terms.quantity - self.cum_quantity if works else ZERO

    def _status_without_pending_cancel(self) -> OrderStatus:
        if self.pending_amend is not None:
            return OrderStatus.PENDING_REPLACE
        return self._settled_status

    def _record(self, event: type[OrderEvent], now: datetime, **fields: object) -> None:
        self.trigger_event(event, timestamp=now, account_id=self.account_id, **fields)

    def _require_sound(self, report: FillReport) -> None:
        numbers = (report.quantity, report.price)
        sound = all(number.is_finite() and number > ZERO for number in numbers)
        if not sound or not report.fee.is_finite() or report.symbol != self.terms.symbol:
            raise VenueDataError(
                "invalid_fill", f"trade {report.trade_id} cannot be of order {self.id}"
            )

    def _require_amended_to(self, quantity: Decimal, trade_id: str) -> None:
        pending = self.pending_amendment
        if pending is None or pending.quantity is None or quantity > pending.quantity:
            raise VenueDataError("overfill", f"trade {trade_id} fills order {self.id} over")

    def _require_new(self) -> None:
        if self.exists:
            raise Conflict("order_exists", f"order {self.id} exists already")

    def _require_live(self) -> None:
        if not self.is_live:
            raise Conflict("order_not_live", f"order {self.id} is {self.status}")


def venue_client_id_of(order_id: str) -> str:
    """The client order id at the venue: unique for ever, 33 characters (Binance admits 36)."""
    return f"p{order_id.replace('-', '')}"


def order_id_of(venue_client_id: str) -> str | None:
    """The order that was sent under a client id; None if it is not one of ours."""
    try:
        order_id = str(UUID(venue_client_id.removeprefix("p")))
    except ValueError:
        return None
    return order_id if venue_client_id_of(order_id) == venue_client_id else None


def amended_terms(terms: OrderTerms, amendment: Amendment) -> OrderTerms:
    """The terms with an amendment's values in place of theirs."""
    changes = {
        name: value
        for name, value in msgspec.structs.asdict(amendment).items()
        if value is not None
    }
    return msgspec.structs.replace(terms, **changes)
