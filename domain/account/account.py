"""The account: the one place where the race for money ends."""

from collections import deque
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import ClassVar

import msgspec

from domain.account.events import (
    AccountOpened,
    AccountReconciled,
    BalanceAdjusted,
    ExternalActivityAcknowledged,
    ExternalOrderFound,
    ExternalPositionFound,
    FillReversed,
    FillSettled,
    FundsDeposited,
    FundsReserved,
    FundsWithdrawn,
    OcoBothFilled,
    PositionAdjusted,
    ReconciliationFailed,
    ReservationChanged,
    ReservationReleased,
    Settlement,
)
from domain.account.message import OrderMessage
from domain.account.position import Position
from domain.account.reservation import Reservation, worst_case_amount
from domain.account.reservation_book import ReservationBook
from domain.aggregate import Aggregate
from domain.decimals import ONE, ZERO, money_up
from domain.errors import Conflict, InvalidInput
from domain.fees import FeeSchedule
from domain.instrument import Instrument
from domain.order.terms import Side
from domain.risk.limits import MAX_DUPLICATE_WINDOW_MS
from domain.risk.trading_state import TradingState
from domain.venue import OpenOrder

MESSAGE_MEMORY = timedelta(milliseconds=MAX_DUPLICATE_WINDOW_MS)
"""How far back the message rate and duplicate controls can look."""


class Execution(msgspec.Struct, frozen=True):
    """One execution of an order as the account needs it."""

    order_id: str
    order_version: int
    number: int
    trade_id: str
    symbol: str
    settlement_asset: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_asset: str
    executed_at: datetime


class Account(Aggregate):
    """Balances, reservations and positions of one client at one venue.

    ``settled`` holds the number of the last settled execution of each order: what makes settling
    idempotent however often the policy runs.
    """

    category: ClassVar[str] = "account"

    client_id: str
    venue: str
    margin_rate: Decimal
    fees: FeeSchedule
    balances: dict[str, Decimal]
    reservations: ReservationBook
    positions: dict[str, Position]
    transfers: dict[str, tuple[str, Decimal]]
    settled: dict[str, int]
    messages: deque[OrderMessage]
    result_day: date | None
    day_result: Decimal
    external_orders: set[str]
    external_positions: dict[str, Decimal]
    unacknowledged: int
    acknowledgements: dict[str, str]
    reconciliation_failure: str | None
    both_filled: set[str]

    def _start(self) -> None:
        self.balances = {}
        self.reservations = ReservationBook()
        self.positions = {}
        self.transfers = {}
        self.settled = {}
        self.messages = deque()
        self.result_day = None
        self.day_result = ZERO
        self.external_orders = set()
        self.external_positions = {}
        self.unacknowledged = 0
        self.acknowledgements = {}
        self.reconciliation_failure = None
        self.both_filled = set()

    # Commands

    def open(
        self, client_id: str, venue: str, margin_rate: Decimal, fees: FeeSchedule, now: datetime
    ) -> None:
        """Raises Conflict ``account_exists``, InvalidInput ``invalid_margin_rate``."""
        if self.exists:
            raise Conflict("account_exists", f"account {self.id} is open already")
        if not ZERO < margin_rate <= ONE:
            raise InvalidInput(
                "invalid_margin_rate", "margin_rate is above 0 and at most 1", "margin_rate"
            )
        self.trigger_event(
            AccountOpened,
            timestamp=now,
            client_id=client_id,
            venue=venue,
            margin_rate=margin_rate,
            fees=fees,
        )

    def deposit(self, transfer_id: str, asset: str, amount: Decimal, now: datetime) -> None:
        """Credit once per ``transfer_id``; the same transfer again changes nothing.

        Raises InvalidInput ``not_positive``, Conflict ``idempotency_key_reused``.
        """
        if self._is_repeated(transfer_id, asset, amount):
            return
        self._require_positive(amount)
        self.trigger_event(
            FundsDeposited, timestamp=now, transfer_id=transfer_id, asset=asset, amount=amount
        )

    def withdraw(self, transfer_id: str, asset: str, amount: Decimal, now: datetime) -> None:
        """Debit what is available. Raises as ``deposit``, and Conflict ``insufficient_funds``."""
        if self._is_repeated(transfer_id, asset, -amount):
            return
        self._require_positive(amount)
        self._require_available(asset, amount)
        self.trigger_event(
            FundsWithdrawn, timestamp=now, transfer_id=transfer_id, asset=asset, amount=amount
        )

    def reserve(
        self,
        order_id: str,
        instrument: Instrument,
        side: Side,
        quantity: Decimal,
        worst_price: Decimal,
        *,
        reduce_only: bool,
        fingerprint: str,
        now: datetime,
    ) -> None:
        """Set aside an order's worst case. Raises Conflict ``insufficient_funds``."""
        if order_id in self.reservations:
            return
        amount = self.worst_case(quantity, worst_price, reduce_only=reduce_only)
        self._require_available(instrument.settlement_asset, amount)
        self.trigger_event(
            FundsReserved,
            timestamp=now,
            order_id=order_id,
            symbol=instrument.symbol,
            settlement_asset=instrument.settlement_asset,
            side=side,
            quantity=quantity,
            price=worst_price,
            reduce_only=reduce_only,
            amount=amount,
            fingerprint=fingerprint,
        )

    def amend_reservation(
        self,
        order_id: str,
        order_version: int,
        quantity: Decimal,
        worst_price: Decimal,
        now: datetime,
        *,
        request_id: str | None = None,
    ) -> None:
        """Set the worst case of an amended order, as of a version of its stream.

        With ``request_id`` it is for an order message, which counts even if the worst case stays.
        Two that amend the same version race for the order: whichever wins, its worst case is
        reserved. Nothing if a later version is accounted for. Raises Conflict
        ``insufficient_funds``.
        """
        held = self.reservations[order_id]
        if request_id is not None and order_version == held.order_version:
            quantity, worst_price = max(quantity, held.quantity), max(worst_price, held.price)
        same = (quantity, worst_price) == (held.quantity, held.price) and request_id is None
        if same or order_version < held.order_version:
            return
        more = self._worst_case_of(held, quantity, worst_price) - held.amount
        if more > ZERO:
            self._require_available(held.settlement_asset, more)
        self._change_reservation(
            held, order_version, quantity, worst_price, now=now, request_id=request_id
        )

    def resize_reservation(
        self,
        order_id: str,
        order_version: int,
        quantity: Decimal,
        worst_price: Decimal,
        now: datetime,
    ) -> None:
        """Follow what the venue said of an amendment: a fact is not refused for want of money.

        Nothing if that version, or a later one, is accounted for: the next amendment may have
        reserved on it.
        """
        held = self.reservations[order_id]
        same = (quantity, worst_price) == (held.quantity, held.price)
        if not same and order_version > held.order_version:
            self._change_reservation(held, order_version, quantity, worst_price, now=now)

    def release(self, order_id: str, reason: str, now: datetime) -> None:
        """Free what is still reserved for an order that has ended; nothing if nothing is."""
        held = self.reservations.get(order_id)
        if held is not None:
            self.trigger_event(
                ReservationReleased,
                timestamp=now,
                order_id=order_id,
                amount=held.amount,
                reason=reason,
            )

    def settle(self, execution: Execution, now: datetime) -> None:
        """Move a fill from reservation to position; nothing if it is settled already.

        A fill is a fact: it is booked even without a reservation or the money for it.
        """
        held = self.reservations.get(execution.order_id)
        left = max(held.quantity - _not_accounted_for(execution, held), ZERO) if held else ZERO
        self._settle(FillSettled, execution, left, now)

    def reverse(self, execution: Execution, now: datetime) -> None:
        """Take back a busted fill; ``execution`` is the fill itself under the bust's number."""
        opposite = msgspec.structs.replace(
            execution, side=execution.side.opposite, fee=-execution.fee
        )
        held = self.reservations.get(execution.order_id)
        left = held.quantity + _not_accounted_for(execution, held) if held else ZERO
        self._settle(FillReversed, opposite, left, now)

    # What the venue's records say

    def find_external_order(self, found: OpenOrder, now: datetime) -> None:
        """Record a working order that is not the core's, once."""
        if found.venue_order_id not in self.external_orders:
            self.trigger_event(
                ExternalOrderFound,
                timestamp=now,
                client_order_id=found.client_order_id,
                venue_order_id=found.venue_order_id,
                terms=found.terms,
                cum_quantity=found.cum_quantity,
            )

    def find_external_position(self, symbol: str, quantity: Decimal, now: datetime) -> None:
        """Record a position in an instrument the core does not know, once for each quantity."""
        if self.external_positions.get(symbol) != quantity:
            self.trigger_event(
                ExternalPositionFound, timestamp=now, symbol=symbol, quantity=quantity
            )

    def adjust_position(self, found: Position, now: datetime) -> None:
        """Take the venue's position; nothing if its quantity is the one believed."""
        believed = self.positions.get(found.symbol) or Position(
            symbol=found.symbol, settlement_asset=found.settlement_asset
        )
        if found.quantity != believed.quantity:
            self.trigger_event(
                PositionAdjusted,
                timestamp=now,
                symbol=found.symbol,
                settlement_asset=found.settlement_asset,
                believed_quantity=believed.quantity,
                believed_cost=believed.cost,
                found_quantity=found.quantity,
                found_cost=found.cost,
            )

    def adjust_balance(self, asset: str, found: Decimal, now: datetime) -> None:
        """Take the venue's balance; nothing if it is the one believed."""
        believed = self.balance(asset)
        if found != believed:
            self.trigger_event(
                BalanceAdjusted, timestamp=now, asset=asset, believed=believed, found=found
            )

    def acknowledge_external(
        self, reason: str, now: datetime, request_id: str | None = None
    ) -> None:
        """Let the account trade again; the same request again changes nothing.

        Raises Conflict ``nothing_to_acknowledge``, ``idempotency_key_reused``.
        """
        if request_id is not None and request_id in self.acknowledgements:
            if self.acknowledgements[request_id] != reason:
                raise Conflict("idempotency_key_reused", f"{request_id} gave another reason")
            return
        if not self.unacknowledged:
            raise Conflict("nothing_to_acknowledge", f"account {self.id} has nothing external")
        self.trigger_event(
            ExternalActivityAcknowledged, timestamp=now, reason=reason, request_id=request_id
        )

    def flag_oco_both_filled(
        self, order_id: str, linked_order_id: str, quantity: Decimal, now: datetime
    ) -> None:
        """Tell, once, that both legs of an OCO pair were executed."""
        if order_id not in self.both_filled:
            self.trigger_event(
                OcoBothFilled,
                timestamp=now,
                order_id=order_id,
                linked_order_id=linked_order_id,
                quantity=quantity,
            )

    def fail_reconciliation(self, reason: str, now: datetime) -> None:
        """Stop the account; nothing if it is stopped already."""
        if self.reconciliation_failure is None:
            self.trigger_event(ReconciliationFailed, timestamp=now, reason=reason)

    def reconcile(self, now: datetime) -> None:
        """The comparison with the venue worked; nothing unless it had failed before."""
        if self.reconciliation_failure is not None:
            self.trigger_event(AccountReconciled, timestamp=now)

    # Questions

    @property
    def trading_state(self) -> TradingState:
        """What the account's own history admits, whatever the limits' scopes say."""
        if self.reconciliation_failure is not None:
            return TradingState.HALTED
        return TradingState.REDUCING if self.unacknowledged else TradingState.ACTIVE

    def balance(self, asset: str) -> Decimal:
        return self.balances.get(asset, ZERO)

    def reserved(self, asset: str) -> Decimal:
        return self.reservations.reserved(asset)

    def margin(self, asset: str) -> Decimal:
        """Initial margin of the open positions, at cost."""
        return _total(
            money_up(abs(p.cost) * self.margin_rate)
            for p in self.positions.values()
            if p.settlement_asset == asset
        )

    def available(self, asset: str) -> Decimal:
        return self.balance(asset) - self.reserved(asset) - self.margin(asset)

    def position_quantity(self, symbol: str) -> Decimal:
        position = self.positions.get(symbol)
        return position.quantity if position else ZERO

    def worst_case(self, quantity: Decimal, price: Decimal, *, reduce_only: bool) -> Decimal:
        return worst_case_amount(
            quantity,
            price,
            margin_rate=self.margin_rate,
            fees=self.fees,
            reduce_only=reduce_only,
        )

    def result_on(self, day: date) -> Decimal:
        """Realised profit net of fees settled on a UTC day."""
        return self.day_result if self.result_day == day else ZERO

    # Changes, called by events only

    def credit(self, asset: str, amount: Decimal) -> None:
        self.balances[asset] = self.balance(asset) + amount

    def change_reservation(self, order_id: str, **changes: Decimal | int) -> None:
        self.reservations[order_id] = msgspec.structs.replace(
            self.reservations[order_id], **changes
        )

    def reserve_remaining(
        self, order_id: str, quantity: Decimal, amount: Decimal, order_version: int
    ) -> None:
        held = self.reservations.get(order_id)
        if held is None:
            return
        if quantity == ZERO:
            del self.reservations[order_id]
        else:
            self.change_reservation(
                order_id,
                quantity=quantity,
                amount=amount,
                order_version=max(order_version, held.order_version),
            )

    def note_message(self, message: OrderMessage) -> None:
        self.messages.append(message)
        while self.messages[0].at < message.at - MESSAGE_MEMORY:
            self.messages.popleft()

    def note_result(self, at: datetime, result: Decimal) -> None:
        # Clocks of two processes differ: around midnight a result may come with yesterday's date.
        day = max(at.date(), self.result_day or at.date())
        self.day_result = self.result_on(day) + result
        self.result_day = day

    # Details

    def _settle(
        self, event: type[Settlement], execution: Execution, left: Decimal, now: datetime
    ) -> None:
        last = self.settled.get(execution.order_id, 0)
        if execution.number <= last:
            return
        if execution.number != last + 1:
            raise Conflict(
                "settlement_out_of_order",
                f"execution {execution.number} of order {execution.order_id} came after {last}",
            )
        held = self.reservations.get(execution.order_id)
        before = self.positions.get(execution.symbol) or Position(
            symbol=execution.symbol, settlement_asset=execution.settlement_asset
        )
        after, profit = before.traded(execution.side, execution.quantity, execution.price)
        self.trigger_event(
            event,
            timestamp=now,
            order_id=execution.order_id,
            order_version=execution.order_version,
            execution_number=execution.number,
            trade_id=execution.trade_id,
            symbol=execution.symbol,
            settlement_asset=execution.settlement_asset,
            side=execution.side,
            quantity=execution.quantity,
            price=execution.price,
            fee=execution.fee,
            fee_asset=execution.fee_asset,
            realised_profit=profit,
            position_quantity=after.quantity,
            position_cost=after.cost,
            reserved_quantity=left,
            reserved_amount=self._amount_for(held, left),
            executed_at=execution.executed_at,
        )

    def _amount_for(self, held: Reservation | None, quantity: Decimal) -> Decimal:
        return ZERO if held is None else self._worst_case_of(held, quantity, held.price)

    def _worst_case_of(self, held: Reservation, quantity: Decimal, price: Decimal) -> Decimal:
        return self.worst_case(quantity, price, reduce_only=held.reduce_only)

    def _change_reservation(
        self,
        held: Reservation,
        order_version: int,
        quantity: Decimal,
        worst_price: Decimal,
        *,
        now: datetime,
        request_id: str | None = None,
    ) -> None:
        self.trigger_event(
            ReservationChanged,
            timestamp=now,
            order_id=held.order_id,
            order_version=order_version,
            quantity=quantity,
            price=worst_price,
            amount=self._worst_case_of(held, quantity, worst_price),
            request_id=request_id,
        )

    def _is_repeated(self, transfer_id: str, asset: str, amount: Decimal) -> bool:
        known = self.transfers.get(transfer_id)
        if known is None:
            return False
        if known != (asset, amount):
            raise Conflict(
                "idempotency_key_reused", f"transfer {transfer_id} was another asset or amount"
            )
        return True

    @staticmethod
    def _require_positive(amount: Decimal) -> None:
        if amount <= ZERO:
            raise InvalidInput("not_positive", "amount must be above zero", "amount")

    def _require_available(self, asset: str, amount: Decimal) -> None:
        available = self.available(asset)
        if amount > available:
            raise Conflict(
                "insufficient_funds", f"needs {amount:f} {asset}, {available:f} is available"
            )


def _not_accounted_for(execution: Execution, held: Reservation) -> Decimal:
    """An amendment reserves what the order leaves, with executions that are not settled yet."""
    return ZERO if execution.order_version <= held.order_version else execution.quantity


def _total(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, ZERO)
