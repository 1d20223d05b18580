"""The account as the eventsourcing library would have it: the peer of bench_fold.

The same state and the same changes of it, through the same value objects; but the events are made
by the library's decorator from a method's arguments, and stored by its JSON transcoder.
"""

from collections import deque
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import (
    DatetimeAsISO,
    DecimalAsStr,
    JSONTranscoder,
    Mapper,
    Transcoding,
    UUIDAsHex,
)

from domain.account.account import MESSAGE_MEMORY
from domain.account.message import OrderMessage
from domain.account.position import Position
from domain.account.reservation import Reservation
from domain.account.reservation_book import ReservationBook
from domain.decimals import ZERO
from domain.fees import FeeSchedule
from domain.order.terms import Side


class FeesAsList(Transcoding):
    type = FeeSchedule
    name = "fees"

    def encode(self, obj: FeeSchedule) -> list[object]:
        return [obj.maker, obj.taker, obj.asset]

    def decode(self, data: list[Decimal]) -> FeeSchedule:
        return FeeSchedule(*data)  # type: ignore[arg-type]  # the asset is text or None


def a_mapper() -> Mapper[UUID]:
    """Objects to and from JSON, with the library's own transcodings and one for our fees."""
    transcoder = JSONTranscoder()
    for transcoding in (UUIDAsHex(), DecimalAsStr(), DatetimeAsISO(), FeesAsList()):
        transcoder.register(transcoding)
    return Mapper(transcoder)


class LibraryAccount(Aggregate):
    @event("Opened")
    def __init__(
        self, *, client_id: str, venue: str, margin_rate: Decimal, fees: FeeSchedule
    ) -> None:
        self.client_id = client_id
        self.venue = venue
        self.margin_rate = margin_rate
        self.fees = fees
        self.balances: dict[str, Decimal] = {}
        self.reservations = ReservationBook()
        self.positions: dict[str, Position] = {}
        self.transfers: dict[str, tuple[str, Decimal]] = {}
        self.settled: dict[str, int] = {}
        self.messages: deque[OrderMessage] = deque()
        self.result_day: date | None = None
        self.day_result = ZERO

    @event("Deposited")
    def deposit(self, *, transfer_id: str, asset: str, amount: Decimal) -> None:
        self._credit(asset, amount)
        self.transfers[transfer_id] = (asset, amount)

    @event("Reserved")
    def reserve(
        self,
        *,
        order_id: str,
        symbol: str,
        settlement_asset: str,
        side: str,
        quantity: Decimal,
        price: Decimal,
        reduce_only: bool,
        amount: Decimal,
        fingerprint: str,
        decided_at: datetime,
    ) -> None:
        self.reservations[order_id] = Reservation(
            order_id=order_id,
            symbol=symbol,
            settlement_asset=settlement_asset,
            side=Side(side),
            quantity=quantity,
            price=price,
            reduce_only=reduce_only,
            amount=amount,
        )
        self.messages.append(OrderMessage(decided_at, order_id, fingerprint))
        while self.messages[0].at < decided_at - MESSAGE_MEMORY:
            self.messages.popleft()

    @event("Released")
    def release(self, *, order_id: str, amount: Decimal, reason: str) -> None:
        del self.reservations[order_id]

    @event("Settled")
    def settle(
        self,
        *,
        order_id: str,
        order_version: int,
        execution_number: int,
        trade_id: str,
        symbol: str,
        settlement_asset: str,
        side: str,
        quantity: Decimal,
        price: Decimal,
        fee: Decimal,
        fee_asset: str,
        realised_profit: Decimal,
        position_quantity: Decimal,
        position_cost: Decimal,
        reserved_quantity: Decimal,
        reserved_amount: Decimal,
        executed_at: datetime,
    ) -> None:
        self._credit(settlement_asset, realised_profit)
        self._credit(fee_asset, -fee)
        self.positions[symbol] = Position(
            symbol=symbol,
            settlement_asset=settlement_asset,
            quantity=position_quantity,
            cost=position_cost,
        )
        self._reserve_remaining(order_id, reserved_quantity, reserved_amount)
        self.settled[order_id] = execution_number
        self._note_result(executed_at, realised_profit - fee)

    def _credit(self, asset: str, amount: Decimal) -> None:
        self.balances[asset] = self.balances.get(asset, ZERO) + amount

    def _reserve_remaining(self, order_id: str, quantity: Decimal, amount: Decimal) -> None:
        held = self.reservations.get(order_id)
        if held is None:
            return
        if quantity == ZERO:
            del self.reservations[order_id]
        else:
            self.reservations[order_id] = Reservation(
                order_id=order_id,
                symbol=held.symbol,
                settlement_asset=held.settlement_asset,
                side=held.side,
                quantity=quantity,
                price=held.price,
                reduce_only=held.reduce_only,
                amount=amount,
            )

    def _note_result(self, at: datetime, result: Decimal) -> None:
        day = max(at.date(), self.result_day or at.date())
        self.day_result = (self.day_result if day == self.result_day else ZERO) + result
        self.result_day = day
