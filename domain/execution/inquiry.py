"""Asking the venue what became of an order, until its answer ends the doubt."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec

from domain.clock import Clock
from domain.decimals import ZERO
from domain.execution.booking import FINALITY_MARGIN, Booking
from domain.execution.venue_problems import VenueProblems
from domain.order.fill import Fill
from domain.order.order import Order, VenueDataError
from domain.patience import insist
from domain.repository import Repository
from domain.venue import (
    Absent,
    BustReport,
    FillReport,
    OrderState,
    UnreadableAnswer,
    Venue,
    VenueStatus,
    VenueUnavailable,
)

FIRST_WAIT = timedelta(milliseconds=500)
LONGEST_WAIT = timedelta(seconds=30)
SIDE_BY_SIDE = 16

CLOCKS_APART = timedelta(minutes=1)
"""How much earlier than its placing an order's fills are looked for: the venue's clock differs."""

LISTED_AFTER = timedelta(seconds=10)
"""How long after it was made a venue may take to list a fill; a younger one is not missed yet."""

SUSPECTED_FOR = timedelta(seconds=40)
"""How long an order is asked about of which the venue told something that cannot be."""

EVER = datetime(1970, 1, 1, tzinfo=UTC)


class _Doubt(msgspec.Struct):
    """When to ask again, and how long to wait after that."""

    due: float
    wait: timedelta
    suspected_until: float = 0


class _Known(msgspec.Struct, frozen=True):
    """What was known of an order when the venue was asked: of what came after it says nothing."""

    pending_amend: str | None
    has_ended: bool


class Inquiry:
    """``watch`` an order, and ``run`` asks about it at growing intervals until nothing is in doubt.

    Asking never sends an order. What it finds is booked; what it does not find stays unknown until
    the request can arrive no more. ``cancels`` are orders that work and should not: a cancel is to
    be sent, again where there was one.
    """

    def __init__(
        self,
        repository: Repository,
        venue: Venue,
        booking: Booking,
        problems: VenueProblems,
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._venue = venue
        self._booking = booking
        self._problems = problems
        self._clock = clock
        self._doubts: dict[str, _Doubt] = {}
        self._arrived = asyncio.Event()
        self.cancels: asyncio.Queue[Order] = asyncio.Queue()

    def watch(self, order_id: str) -> None:
        """Ask about an order soon; it may turn out to be in no doubt at all."""
        doubt = self._doubts.get(order_id)
        suspected_until = doubt.suspected_until if doubt is not None else 0
        self._doubts[order_id] = self._later(FIRST_WAIT, FIRST_WAIT, suspected_until)
        self._arrived.set()

    def suspect(self, order_id: str) -> None:
        """Ask about an order for some time, even if the log leaves nothing in doubt."""
        until = self._clock.monotonic() + SUSPECTED_FOR.total_seconds()
        self._doubts[order_id] = self._later(FIRST_WAIT, FIRST_WAIT, until)
        self._arrived.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            while not self._doubts:
                self._arrived.clear()
                await self._arrived.wait()
            await self._clock.sleep(FIRST_WAIT.total_seconds() / 2)
            now = self._clock.monotonic()
            due = [order_id for order_id, doubt in self._doubts.items() if doubt.due <= now]
            await self.ask_all([order_id for order_id in due if await self._is_in_doubt(order_id)])

    async def _is_in_doubt(self, order_id: str) -> bool:
        if self._is_suspected(order_id) or (await self._load(order_id)).in_doubt:
            return True
        self._doubts.pop(order_id, None)
        return False

    def _is_suspected(self, order_id: str) -> bool:
        doubt = self._doubts.get(order_id)
        return doubt is not None and doubt.suspected_until > self._clock.monotonic()

    async def ask_all(self, order_ids: Sequence[str]) -> bool:
        """Ask about each once; what is still in doubt is asked about later.

        False if the venue left a question unanswered.
        """
        slots = asyncio.Semaphore(SIDE_BY_SIDE)

        async def ask(order_id: str) -> bool:
            async with slots:
                return await self._ask_and_reckon(order_id)

        async with asyncio.TaskGroup() as group:
            questions = [group.create_task(ask(order_id)) for order_id in order_ids]
        return all(question.result() for question in questions)

    async def _ask_and_reckon(self, order_id: str) -> bool:
        try:
            order = await self._ask(order_id)
        except VenueUnavailable as silence:
            await self._problems.note_silence(silence)
            self._reckon(await self._load(order_id))
            return False
        self._reckon(order)
        return True

    def _reckon(self, order: Order) -> None:
        """Nothing in doubt: it is asked about no more. Otherwise again, later each time."""
        order_id = order.id
        if not order.in_doubt and not self._is_suspected(order_id):
            self._doubts.pop(order_id, None)
            return
        doubt = self._doubts.get(order_id) or self._later(FIRST_WAIT, FIRST_WAIT)
        longer = min(2 * doubt.wait, LONGEST_WAIT)
        self._doubts[order_id] = self._later(doubt.wait, longer, doubt.suspected_until)

    def _later(self, wait: timedelta, next_wait: timedelta, suspected_until: float = 0) -> _Doubt:
        due = self._clock.monotonic() + wait.total_seconds()
        return _Doubt(due, next_wait, suspected_until)

    async def _ask(self, order_id: str) -> Order:
        """One round of questions about an order, and the order after it.

        Raises VenueUnavailable.
        """
        order = await self._load(order_id)
        if not order.submitted:
            return order
        before = _Known(pending_amend=order.pending_amend, has_ended=not order.may_work)
        asked_at = (await self._venue.status()).at
        state = await self._find(order)
        try:
            await self._book_fills(order, state, asked_at)
            if isinstance(state, OrderState):
                await self._booking.book_state(state, asked_at, before.pending_amend)
            else:
                await self._book_absence(order, state)
        except VenueDataError as problem:
            await self._problems.note(problem.code, str(problem), state)
        if isinstance(state, OrderState) and state.status is VenueStatus.WORKING:
            await self._see_it_work(order.id, before, state)
        return await self._load(order_id)

    async def _find(self, order: Order) -> OrderState | Absent:
        state = await self._venue.find_order(order.account_id, order.venue_client_id)
        if isinstance(state, OrderState) and state.client_order_id != order.venue_client_id:
            raise UnreadableAnswer(
                f"asked for {order.venue_client_id} it told of another order",
                msgspec.json.encode(state).decode(),
            )
        return state

    async def _see_it_work(self, order_id: str, before: _Known, state: OrderState) -> None:
        """A cancel that did not arrive is sent again; what works after its end is cancelled."""
        order = await self._load(order_id)
        if order.pending_cancel is not None:
            self.cancels.put_nowait(order)
        elif before.has_ended and not order.may_work:
            await self._problems.note(
                "works_after_its_end", f"the venue works order {order.id}, which has ended", state
            )
            self.cancels.put_nowait(order)

    async def _book_fills(
        self, order: Order, state: OrderState | Absent, asked_at: datetime
    ) -> None:
        """Book the order's fills: the latest first asked for, all there ever were if need be."""
        await self._compare_fills(order, state, order.placed_at - CLOCKS_APART, asked_at)
        if isinstance(state, OrderState):
            order = await self._load(order.id)
            if order.cum_quantity != state.cum_quantity:
                await self._compare_fills(order, state, EVER, asked_at)

    async def _compare_fills(
        self, order: Order, state: OrderState | Absent, since: datetime, asked_at: datetime
    ) -> None:
        """Take back what the venue does not list any more, then book what it lists.

        Only a list that comes to what the venue says was executed can tell by what it leaves out.
        """
        listed = {
            fill.trade_id: fill
            for fill in await self._venue.fills_since(order.account_id, since)
            if fill.client_order_id == order.venue_client_id
        }
        if isinstance(state, OrderState) and state.cum_quantity == _total(listed.values()):
            for fill in tuple(order.fills.values()):
                is_due = since <= fill.executed_at <= asked_at - LISTED_AFTER
                if is_due and fill.trade_id not in listed:
                    await self._booking.book(_bust(order, fill))
        for report in listed.values():
            await self._booking.book(report)

    async def _book_absence(self, order: Order, absent: Absent) -> None:
        """It is over when it can arrive no more, and nothing at the venue bears its id."""
        is_final = order.valid_until is not None and absent.at > order.valid_until + FINALITY_MARGIN
        if is_final:
            open_orders = await self._venue.open_orders(order.account_id)
            is_final = all(each.client_order_id != order.venue_client_id for each in open_orders)
        await self._booking.book_absence(order.venue_client_id, absent, is_final=is_final)
        if order.accepted:
            await self._problems.note(
                "order_vanished",
                f"the venue had order {order.id}, and does not know it",
                order.venue_client_id,
            )

    async def _load(self, order_id: str) -> Order:
        return await insist(self._clock, lambda: self._repository.look(Order, order_id))


def _total(fills: Iterable[FillReport]) -> Decimal:
    """Of those that can be added up: the booking tells of the others."""
    return sum((fill.quantity for fill in fills if fill.quantity.is_finite()), ZERO)


def _bust(order: Order, fill: Fill) -> BustReport:
    return BustReport(
        client_order_id=order.venue_client_id,
        venue_order_id=order.venue_order_id or "",
        account_id=order.account_id,
        symbol=order.terms.symbol,
        trade_id=fill.trade_id,
        reason="the venue does not list it any more",
        at=fill.executed_at,
    )
