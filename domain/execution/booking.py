"""From the venue to the log: every report becomes an event of its order, once."""

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from domain.clock import Clock
from domain.command import Actor, ActorType, CommandContext, command_id_for
from domain.decimals import ZERO
from domain.errors import NotFound
from domain.order.order import Order, order_id_of
from domain.order.status import Ending
from domain.order.terms import OrderTerms
from domain.patience import insist
from domain.repository import Repository
from domain.use_cases.change import change
from domain.use_cases.result import Done
from domain.venue import (
    Absent,
    Amendment,
    BustReport,
    CancelReport,
    EndReport,
    ExpireReport,
    FillReport,
    OrderReport,
    OrderState,
    StopMovedReport,
    TriggerReport,
    VenueStatus,
)

FINALITY_MARGIN = timedelta(seconds=1)
"""How long after its window a request is surely not on its way any more."""


_NEVER_PLACED = (Ending.REFUSED, Ending.ABANDONED)


class Booking:
    """Books what the venue says. The same again changes nothing.

    Raises NotFound ``order_not_found`` for an order that is not ours, and VenueDataError for what
    cannot be.
    """

    def __init__(self, repository: Repository, venue_name: str, clock: Clock) -> None:
        self._repository = repository
        self._venue_name = venue_name
        self._clock = clock

    async def book(self, report: OrderReport) -> Done:
        """Book one report. An end is not booked while fills are missing."""

        def decide(order: Order) -> None:
            now = self._clock.now()
            match report:
                case FillReport():
                    order.fill(report, now)
                    order.end_requests(now)
                case BustReport():
                    order.bust_fill(report.trade_id, report.reason, now)
                case CancelReport() | ExpireReport():
                    _end(order, report, now)
                case TriggerReport():
                    order.trigger(report.price, report.at, now)
                case StopMovedReport():
                    order.move_stop(report.stop_price, now)

        return await self._change(report.client_order_id, decide, _key(report))

    async def has_ended(self, report: EndReport) -> bool:
        """False if a report of an order's end left it open, or short of what was executed."""
        order = await self._load(_own_order_id(report.client_order_id))
        return not order.may_work and _is_complete(order, report)

    async def book_state(
        self, state: OrderState, asked_at: datetime, pending_amend: str | None
    ) -> Done:
        """Book what the venue's records say of an order, once its fills are booked.

        ``asked_at`` is the venue's clock before it was asked, ``pending_amend`` the request that
        was pending then: of a later one it does not tell. An amendment that it does not show, and
        that can arrive no more by then, was not taken. An ending is not booked while fills are
        missing.
        """

        def decide(order: Order) -> None:
            now = self._clock.now()
            order.accept(state.venue_order_id, state.at, now)
            if order.pending_amend == pending_amend:
                _settle_amendment(order, state, asked_at, now)
            if order.cum_quantity < state.cum_quantity:
                order.lose_track("fills are missing", now)
            elif state.status is VenueStatus.CANCELLED:
                order.cancel(state.reason, now)
            elif state.status is VenueStatus.EXPIRED:
                order.expire(now)
            elif state.status is VenueStatus.FILLED and order.cum_quantity == state.cum_quantity:
                _end_busted(order, now)

        return await self._change(
            state.client_order_id, decide, f"state/{state.status}/{asked_at.isoformat()}"
        )

    async def book_absence(self, client_order_id: str, absent: Absent, *, is_final: bool) -> Done:
        """Book that the venue's records do not have an order that was sent.

        Only when that ``is_final`` (it can arrive no more) is it over; before, it is unknown.
        """

        def decide(order: Order) -> None:
            now = self._clock.now()
            if is_final and not order.accepted and not order.fills:
                order.reject("never_arrived", "the venue has no such order", now)
            else:
                order.lose_track("the venue does not know it", now)

        key = f"absence/{absent.at.isoformat()}/{is_final}"
        return await self._change(client_order_id, decide, key)

    async def _change(
        self, client_order_id: str, decide: Callable[[Order], None], key: str
    ) -> Done:
        order_id = _own_order_id(client_order_id)

        def decide_on_ours(order: Order) -> None:
            if not order.exists or order.ending in _NEVER_PLACED:
                raise NotFound("order_not_found", f"there is no order {order_id}")
            decide(order)

        known = await self._load(order_id)
        context = CommandContext(
            command_id=command_id_for("venue", self._venue_name, client_order_id, key),
            correlation_id=known.correlation_id if known.exists else order_id,
            actor=Actor(ActorType.VENUE, self._venue_name, "venue"),
        )
        return await insist(
            self._clock,
            lambda: change(self._repository, Order, order_id, decide_on_ours, context),
        )

    async def _load(self, order_id: str) -> Order:
        async def load() -> Order:
            order = await self._repository.load(Order, order_id)
            self._repository.give_back(order)
            return order

        return await insist(self._clock, load)


def _own_order_id(client_order_id: str) -> str:
    order_id = order_id_of(client_order_id)
    if order_id is None:
        raise NotFound("order_not_found", f"{client_order_id} is not an order of ours")
    return order_id


def _end(order: Order, report: EndReport, now: datetime) -> None:
    if report.cum_quantity is None:
        order.lose_track("the venue did not say how much was executed", now)
    elif not _is_complete(order, report):
        order.lose_track("fills are missing", now)
    elif isinstance(report, CancelReport):
        order.cancel(report.reason, now)
    else:
        order.expire(now)


def _is_complete(order: Order, report: EndReport) -> bool:
    """Less than was booked is no lack: a bust of it is on its way."""
    return report.cum_quantity is not None and order.cum_quantity >= report.cum_quantity


def _end_busted(order: Order, now: datetime) -> None:
    """What a bust took back of an order that was filled does not work any more."""
    if order.leaves_quantity > ZERO:
        order.cancel("busted", now)


def _settle_amendment(order: Order, state: OrderState, asked_at: datetime, now: datetime) -> None:
    if order.pending_amendment is None or order.amend_valid_until is None:
        return
    if _shows(state.terms, order.pending_amendment):
        order.amend(now)
        order.end_requests(now)
    elif asked_at > order.amend_valid_until + FINALITY_MARGIN:
        order.reject_amend("never_arrived", "the venue works the order on its old terms", now)


def _shows(terms: OrderTerms, amendment: Amendment) -> bool:
    """Only what was asked for counts: the venue may work an order on terms of its own making."""
    asked_for = msgspec.structs.asdict(amendment).items()
    return all(getattr(terms, name) == value for name, value in asked_for if value is not None)


def _key(report: OrderReport) -> str:
    if isinstance(report, FillReport):
        return f"fill/{report.symbol}/{report.trade_id}"
    if isinstance(report, BustReport):
        return f"bust/{report.symbol}/{report.trade_id}"
    moved = f"/{report.stop_price:f}" if isinstance(report, StopMovedReport) else ""
    return f"{type(report).__name__}/{report.at.isoformat()}{moved}"
