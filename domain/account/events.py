"""What can happen to an account."""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from domain.account.message import OrderMessage
from domain.account.position import Position
from domain.account.reservation import Reservation
from domain.event import Event, event_type
from domain.fees import FeeSchedule
from domain.order.terms import OrderTerms, Side

if TYPE_CHECKING:
    from domain.account.account import Account


class AccountEvent(Event, frozen=True, kw_only=True):
    """Base of the events of an account stream."""

    def apply(self, aggregate: "Account") -> None:
        raise NotImplementedError


@event_type
class AccountOpened(AccountEvent, frozen=True, kw_only=True):
    """A client's account at a venue. ``client_id`` is a pseudonym, never a name.

    ``margin_rate`` is the initial margin as a fraction of notional: 1 is unleveraged.
    """

    client_id: str
    venue: str
    margin_rate: Decimal
    fees: FeeSchedule

    def apply(self, aggregate: "Account") -> None:
        aggregate.client_id = self.client_id
        aggregate.venue = self.venue
        aggregate.margin_rate = self.margin_rate
        aggregate.fees = self.fees


@event_type
class FundsDeposited(AccountEvent, frozen=True, kw_only=True):
    """Money came in. ``transfer_id`` makes a repeated notice the same deposit."""

    transfer_id: str
    asset: str
    amount: Decimal

    def apply(self, aggregate: "Account") -> None:
        aggregate.credit(self.asset, self.amount)
        aggregate.transfers[self.transfer_id] = (self.asset, self.amount)


@event_type
class FundsWithdrawn(AccountEvent, frozen=True, kw_only=True):
    """Money went out; ``amount`` is above zero."""

    transfer_id: str
    asset: str
    amount: Decimal

    def apply(self, aggregate: "Account") -> None:
        aggregate.credit(self.asset, -self.amount)
        aggregate.transfers[self.transfer_id] = (self.asset, -self.amount)


@event_type
class FundsReserved(AccountEvent, frozen=True, kw_only=True):
    """Money set aside for an order, before the order exists.

    ``fingerprint`` is what two equal orders have in common, for the duplicate control.
    """

    order_id: str
    symbol: str
    settlement_asset: str
    side: Side
    quantity: Decimal
    price: Decimal
    reduce_only: bool
    amount: Decimal
    fingerprint: str

    def apply(self, aggregate: "Account") -> None:
        aggregate.reservations[self.order_id] = Reservation(
            order_id=self.order_id,
            symbol=self.symbol,
            settlement_asset=self.settlement_asset,
            side=self.side,
            quantity=self.quantity,
            price=self.price,
            reduce_only=self.reduce_only,
            amount=self.amount,
        )
        aggregate.note_message(OrderMessage(self.timestamp, self.order_id, self.fingerprint))


@event_type
class ReservationChanged(AccountEvent, frozen=True, kw_only=True):
    """An order's worst case changed with an amendment; ``amount`` is the new total.

    ``request_id`` is the amend request that goes to the venue with it; None where it only follows
    what the venue said.
    """

    order_id: str
    order_version: int
    quantity: Decimal
    price: Decimal
    amount: Decimal
    request_id: str | None = None

    def apply(self, aggregate: "Account") -> None:
        aggregate.change_reservation(
            self.order_id,
            quantity=self.quantity,
            price=self.price,
            amount=self.amount,
            order_version=self.order_version,
        )
        if self.request_id is not None:
            aggregate.note_message(OrderMessage(self.timestamp, self.order_id, None))


@event_type
class ReservationReleased(AccountEvent, frozen=True, kw_only=True):
    """An order ended; what was still set aside for it is free again."""

    order_id: str
    amount: Decimal
    reason: str

    def apply(self, aggregate: "Account") -> None:
        del aggregate.reservations[self.order_id]


@event_type
class ExternalOrderFound(AccountEvent, frozen=True, kw_only=True):
    """The venue works an order that the core did not send (a manual trade), or one of the core's
    for a quantity or at a price that it did not ask for.

    From here on the account only reduces, until somebody acknowledges it.
    """

    client_order_id: str
    venue_order_id: str
    terms: OrderTerms
    cum_quantity: Decimal

    def apply(self, aggregate: "Account") -> None:
        aggregate.external_orders.add(self.venue_order_id)
        aggregate.unacknowledged += 1


@event_type
class ExternalPositionFound(AccountEvent, frozen=True, kw_only=True):
    """The venue has a position in something that the core does not trade: it is told, not taken.

    ``quantity`` is above zero when long. From here on the account only reduces, until somebody
    acknowledges it.
    """

    symbol: str
    quantity: Decimal

    def apply(self, aggregate: "Account") -> None:
        aggregate.external_positions[self.symbol] = self.quantity
        aggregate.unacknowledged += 1


@event_type
class PositionAdjusted(AccountEvent, frozen=True, kw_only=True):
    """The venue's position is not what the log adds up to; the venue's is taken.

    Quantities above zero are long. ``cost`` is the signed value at entry. From here on the account
    only reduces, until somebody acknowledges it.
    """

    symbol: str
    settlement_asset: str
    believed_quantity: Decimal
    believed_cost: Decimal
    found_quantity: Decimal
    found_cost: Decimal

    def apply(self, aggregate: "Account") -> None:
        aggregate.positions[self.symbol] = Position(
            symbol=self.symbol,
            settlement_asset=self.settlement_asset,
            quantity=self.found_quantity,
            cost=self.found_cost,
        )
        aggregate.unacknowledged += 1


@event_type
class BalanceAdjusted(AccountEvent, frozen=True, kw_only=True):
    """The venue's balance is not what the log adds up to; the venue's is taken."""

    asset: str
    believed: Decimal
    found: Decimal

    def apply(self, aggregate: "Account") -> None:
        aggregate.balances[self.asset] = self.found


@event_type
class OcoBothFilled(AccountEvent, frozen=True, kw_only=True):
    """Both legs of an OCO pair were executed: one filled before the cancel of it came through.

    ``quantity`` was executed on both when it was noticed; it is in the position twice.
    """

    order_id: str
    linked_order_id: str
    quantity: Decimal

    def apply(self, aggregate: "Account") -> None:
        aggregate.both_filled.update((self.order_id, self.linked_order_id))


@event_type
class ExternalActivityAcknowledged(AccountEvent, frozen=True, kw_only=True):
    """Somebody has seen what the core did not do; the account trades again.

    ``request_id`` makes a repeated request the same acknowledgement.
    """

    reason: str
    request_id: str | None = None

    def apply(self, aggregate: "Account") -> None:
        aggregate.unacknowledged = 0
        if self.request_id is not None:
            aggregate.acknowledgements[self.request_id] = self.reason


@event_type
class ReconciliationFailed(AccountEvent, frozen=True, kw_only=True):
    """The account could not be compared with the venue: it does not trade until it could."""

    reason: str

    def apply(self, aggregate: "Account") -> None:
        aggregate.reconciliation_failure = self.reason


@event_type
class AccountReconciled(AccountEvent, frozen=True, kw_only=True):
    """After a failure, the account has been compared with the venue again."""

    def apply(self, aggregate: "Account") -> None:
        aggregate.reconciliation_failure = None


class Settlement(AccountEvent, frozen=True, kw_only=True):
    """A trade's effect on the account: position, profit, fee, and the reservation that is left.

    ``execution_number`` counts the executions of the order from 1: settling is in order and once.
    """

    order_id: str
    order_version: int
    execution_number: int
    trade_id: str
    symbol: str
    settlement_asset: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_asset: str
    realised_profit: Decimal
    position_quantity: Decimal
    position_cost: Decimal
    reserved_quantity: Decimal
    reserved_amount: Decimal
    executed_at: datetime

    def apply(self, aggregate: "Account") -> None:
        aggregate.credit(self.settlement_asset, self.realised_profit)
        aggregate.credit(self.fee_asset, -self.fee)
        aggregate.positions[self.symbol] = Position(
            symbol=self.symbol,
            settlement_asset=self.settlement_asset,
            quantity=self.position_quantity,
            cost=self.position_cost,
        )
        aggregate.reserve_remaining(
            self.order_id, self.reserved_quantity, self.reserved_amount, self.order_version
        )
        aggregate.settled[self.order_id] = self.execution_number
        fee = self.fee if self.fee_asset == self.settlement_asset else 0
        aggregate.note_result(self.timestamp, self.realised_profit - fee)


@event_type
class FillSettled(Settlement, frozen=True, kw_only=True):
    """A fill moved from reservation to position."""


@event_type
class FillReversed(Settlement, frozen=True, kw_only=True):
    """A busted fill taken back: the opposite trade at the same price, its fee returned."""
