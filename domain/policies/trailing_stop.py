"""Trailing stops where the venue has none: a plain stop at the venue, moved as the market moves.

The stop is in the log before it is at the venue, first with TrailingStopMoved on the order that is
not sent yet, later with an amendment; so a restart never moves it back.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from domain.clock import Clock
from domain.errors import Conflict
from domain.event import Event
from domain.instrument import Instruments
from domain.market_data import Quote
from domain.order.events import (
    OrderAmended,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderPlaced,
    OrderRejected,
    OrderTriggered,
    OrderWithheld,
)
from domain.order.order import Order
from domain.order.terms import OrderTerms, OrderType, Side, TimeInForce
from domain.order.trailing import TrailingStop
from domain.policies.agenda import Agenda, Appointment, Cause
from domain.policies.removal import context_of, later
from domain.repository import Repository
from domain.use_cases.change import change
from domain.venue import Amendment, Capabilities

POLL = timedelta(seconds=1)
MOST_ASKED = 4
"""How often one move is asked for."""

_REQUESTS = "policy:trailing_stop:"

OLDEST_QUOTE = timedelta(seconds=5)


def venue_terms(
    terms: OrderTerms, capabilities: Capabilities, stop_price: Decimal | None
) -> OrderTerms | None:
    """The terms as the venue can work them; what it cannot, the policies do.

    ``stop_price`` is where the order's trailing stop stands (Order.stop_price). None while it
    stands nowhere: then there is nothing to send yet, and a TrailingStopMoved will follow.
    """
    if terms.expire_at is not None and not capabilities.good_till_date:
        terms = msgspec.structs.replace(terms, time_in_force=TimeInForce.GTC, expire_at=None)
    if terms.type is not OrderType.TRAILING_STOP or capabilities.trailing_stops:
        return terms
    stop = stop_price or terms.stop_price
    if stop is None:
        return None
    return OrderTerms(
        symbol=terms.symbol,
        side=terms.side,
        type=OrderType.STOP_LOSS,
        quantity=terms.quantity,
        stop_price=stop,
        time_in_force=terms.time_in_force,
        expire_at=terms.expire_at,
        reduce_only=terms.reduce_only,
    )


def moved_stop(order: Order, quote: Quote, tick_size: Decimal) -> Decimal | None:
    """Where the stop goes at this quote; None where it stays.

    It follows the side of the quote that the order would trade at.
    """
    terms = order.terms
    trailing = TrailingStop(
        protects_long=terms.side is Side.SELL,
        offset=terms.trailing_offset,
        steps=terms.trailing_steps,
        entry=terms.entry_price,
        stop=order.stop_price or terms.stop_price,
    )
    seen = quote.bid if trailing.protects_long else quote.ask
    moved = trailing.follow(seen, tick_size)
    return None if moved is trailing else moved.stop


def may_move(order: Order) -> bool:
    """False while the venue owes an answer about the order, and once the stop is history."""
    if not order.is_live or order.triggered:
        return False
    return not order.submitted or (order.accepted and not order.in_doubt)


class TrailingStopPolicy:
    """One appointment for each order with a trailing stop, every POLL until it ends or triggers."""

    name = "trailing_stop"
    types = frozenset(
        {
            *("OrderPlaced", "OrderAmended", "OrderTriggered", "OrderFilled", "OrderCancelled"),
            *("OrderExpired", "OrderRejected", "OrderWithheld"),
        }
    )

    def __init__(
        self,
        repository: Repository,
        instruments: Instruments,
        quote: Callable[[str], Quote | None],
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._instruments = instruments
        self._quote = quote
        self._clock = clock

    def note(self, event: Event, cause: Cause, agenda: Agenda) -> None:
        order_id = event.originator_id
        match event:
            case OrderPlaced() if event.terms.type is OrderType.TRAILING_STOP:
                agenda.enter(order_id, order_id, event.timestamp, cause)
            case OrderAmended() if event.leaves_quantity:
                if event.terms.type is OrderType.TRAILING_STOP:
                    agenda.enter(order_id, order_id, event.timestamp + POLL, cause)
            case OrderFilled() if event.leaves_quantity:
                pass
            case (
                OrderAmended()
                | OrderTriggered()
                | OrderFilled()
                | OrderCancelled()
                | OrderExpired()
                | OrderRejected()
                | OrderWithheld()
            ):
                agenda.strike(order_id)

    async def look(self, appointment: Appointment) -> datetime | None:
        order = await self._repository.look(Order, appointment.subject)
        stop = self._target(order)
        if stop is None:
            return self._clock.now() + POLL
        if asks(order, stop, self._clock.now()):
            await self._move(appointment)
        return self._clock.now() + POLL

    async def _move(self, appointment: Appointment) -> None:
        """Decided on the newest state: what was looked at may be behind."""

        def decide(order: Order) -> None:
            stop, now = self._target(order), self._clock.now()
            if stop is not None and asks(order, stop, now):
                move(order, stop, now)

        context = context_of(
            self.name,
            appointment.cause,
            appointment.cause.correlation_id,
            self._clock.now().isoformat(),
        )
        try:
            await change(self._repository, Order, appointment.subject, decide, context)
        except Conflict:
            return

    def _target(self, order: Order) -> Decimal | None:
        if not order.exists or not may_move(order):
            return None
        instrument = self._instruments.get(order.terms.symbol)
        quote = self._fresh_quote(order.terms.symbol)
        if instrument is None or quote is None:
            return None
        return moved_stop(order, quote, instrument.tick_size)

    def _fresh_quote(self, symbol: str) -> Quote | None:
        quote = self._quote(symbol)
        if quote is None or not quote.is_usable:
            return None
        return quote if self._clock.now() - quote.at <= OLDEST_QUOTE else None


def moves_asked(order: Order, stop: Decimal) -> int:
    """How often this move was asked for before."""
    prefix = _request_prefix(stop)
    return sum(request_id.startswith(prefix) for request_id in order.requests)


def asks(order: Order, stop: Decimal, now: datetime) -> bool:
    """False for a move that did not come about, until its time has come again, or for good.

    The next one may go further: it does not wait.
    """
    asked = moves_asked(order, stop)
    if not asked or order.amend_requested_at is None:
        return True
    return asked < MOST_ASKED and now >= later(order.amend_requested_at, asked)


def is_move(request_id: str) -> bool:
    """True for the requests of this policy: those of clients are never named like this."""
    return request_id.startswith(_REQUESTS)


def _request_prefix(stop: Decimal) -> str:
    return f"{_REQUESTS}{stop:f}:"


def move(order: Order, stop: Decimal, now: datetime) -> None:
    """An order that is not sent takes its new stop at once, one at the venue asks for it.

    The worst price, and so the reservation, stay.
    """
    if not order.submitted:
        order.move_stop(stop, now)
        return
    request_id = f"{_request_prefix(stop)}{moves_asked(order, stop) + 1}"
    order.request_amend(request_id, Amendment(stop_price=stop), order.worst_price, (), now)
