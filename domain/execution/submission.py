"""From the log to the venue: the intent is in the log before anything is sent."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from domain.account.account import Account
from domain.clock import Clock
from domain.command import CommandContext
from domain.errors import Busy
from domain.execution.lease import Lease, require
from domain.execution.outcome import record_amend, record_cancel, record_submit
from domain.execution.trading_gate import TradingGate, Withheld
from domain.execution.venue_problems import VenueProblems
from domain.log import WrongExpectedVersion
from domain.order.events import OrderAmendRequested
from domain.order.order import (
    SEND_WINDOW,
    Order,
    VenueDataError,
    amended_terms,
    venue_client_id_of,
)
from domain.order.terms import OrderTerms
from domain.patience import insist
from domain.policies.trailing_stop import is_move, venue_terms
from domain.repository import Repository
from domain.use_cases.change import MAX_RACES, change
from domain.venue import Ambiguous, Outcome, Rejected, SendWindow, Venue, VenueOrder

Recorder = Callable[[Order, Outcome, datetime], None]


class Submission:
    """Sends what orders ask for: a new order once for ever, a cancel until it is answered.

    ``intend`` and ``send`` are two steps, so that the intents of many orders need not wait for the
    venue's answers. Between them, and at any other place, the process may die.
    """

    def __init__(
        self,
        *,
        repository: Repository,
        venue: Venue,
        gate: TradingGate,
        problems: VenueProblems,
        clock: Clock,
        lease: Lease,
        in_doubt: Callable[[str], None],
    ) -> None:
        """``in_doubt`` is told of every order that the venue still owes an answer."""
        self._repository = repository
        self._venue = venue
        self._gate = gate
        self._problems = problems
        self._clock = clock
        self._lease = lease
        self._in_doubt = in_doubt

    async def intend(self, order_id: str, context: CommandContext) -> VenueOrder | None:
        """Record the intent to send an order, or that it is withheld; then, or if another worker
        has done either, None.

        The epoch is in the ids of the intent: two workers that intend the same at once must not
        look to the log like one that tries again. While the log owes an answer, a halt waits for
        the next attempt. Raises Busy ``stream_busy``, LeaseLost.
        """
        await self._gate.until_known()
        intent = context.caused(f"intent/{self._lease.epoch}")
        async with self._repository.turn(Order.stream_of(order_id)):
            request = await self._intend_newest(order_id, intent)
        self._gate.end(order_id)  # not where it raised: an intent may be on its way to the log
        return request

    async def _intend_newest(self, order_id: str, intent: CommandContext) -> VenueOrder | None:
        for _ in range(MAX_RACES):
            order = await self._repository.load(Order, order_id, newest=True)
            if order.submitted or not order.is_live:
                self._repository.give_back(order)
                if order.in_doubt:
                    self._in_doubt(order_id)  # the intent of a leader that is gone
                return None
            try:
                return await self._decide(order, intent)
            except WrongExpectedVersion:
                continue
        raise Busy("stream_busy", f"order {order_id} is changing too fast; try again")

    async def _decide(self, order: Order, intent: CommandContext) -> VenueOrder | None:
        self._gate.begin(order)
        require(self._lease)
        withheld = await self._refusal(order, order.terms) or _cancelled(order)
        if withheld is not None:
            order.withhold(withheld.code, withheld.reason, self._clock.now())
            await self._repository.save(order, intent)
            return None
        window = self._window(self._clock.now())
        request = self._venue_order(order, window)
        if request is not None:
            order.submit(self._lease.epoch, window.sent_at, window.valid_until)
        await self._repository.save(order, intent)
        return request

    async def _refusal(self, order: Order, terms: OrderTerms) -> Withheld | None:
        """What stands against sending an order on these terms at the moment this returns.

        The account is read only where it may matter: it would be too slow for every order.
        """
        if not self._gate.may_reduce(order):
            return self._gate.refusal(order)
        async with self._repository.turn(Account.stream_of(order.account_id)):
            account = await self._repository.look(Account, order.account_id)
        return self._gate.refusal(order) or self._gate.reduction(order, terms, account)

    async def answer_unsent(self, order_id: str, context: CommandContext) -> bool:
        """Answer the requests of an order that is not sent: the venue need not be asked.

        A cancel ends it, an amendment is taken: it will be sent as amended. False once there is an
        intent to send it.
        """

        def decide(order: Order) -> None:
            if order.submitted:
                return
            now = self._clock.now()
            order.amend(now)
            if order.pending_cancel is not None:
                order.withhold("cancelled_before_sent", "it was cancelled first", now)

        await change(self._repository, Order, order_id, decide, context.caused("unsent"))
        return not (await self._look(order_id)).submitted

    async def send(self, order_id: str, request: VenueOrder, context: CommandContext) -> None:
        """Send an intended order, once, and record what the venue answered."""
        window = request.window
        assert window is not None
        if self._clock.now() > window.valid_until:
            outcome: Outcome = Ambiguous("it was not sent in time")
        else:
            require(self._lease)
            outcome = await self._venue.submit(request)
        await self._record(order_id, outcome, record_submit, context)

    async def cancel(self, order_id: str, request_id: str, context: CommandContext) -> None:
        """Send a cancel request that is pending. A cancel may be sent again."""
        order = await self._look(order_id)
        if order.pending_cancel != request_id:
            return
        require(self._lease)
        outcome = await self._venue.cancel(order.account_id, order.venue_client_id)
        await self._record(order_id, outcome, partial(record_cancel, request_id), context)
        self._in_doubt(order_id)

    async def cancel_stray(self, order: Order) -> None:
        """Cancel what works at the venue after its end here. The venue's records tell whether it
        did: as long as they list it, it is asked about."""
        require(self._lease)
        await self._venue.cancel(order.account_id, order.venue_client_id)

    async def amend(
        self, event: OrderAmendRequested, context: CommandContext, *, handed_over: bool
    ) -> None:
        """Send an amend request that is pending, unless it is too late for it to arrive.

        While trading is stopped, one that asks for more than it may is answered with the reason and
        not sent. With ``handed_over`` an earlier leader may have sent it: only the venue's records
        tell its answer then.
        """
        await self._gate.until_known()
        order = await self._look(event.originator_id)
        if order.pending_amend != event.request_id:
            return
        withheld = await insist(self._clock, lambda: self._amend_refusal(order, event))
        window = self._window(event.timestamp)
        if withheld is not None and not handed_over:
            rejected = Rejected(withheld.code, withheld.reason, self._clock.now())
            await self._record_amend(event, rejected, context)
        elif withheld is not None or self._clock.now() > window.valid_until:
            self._in_doubt(order.id)
        else:  # no await since the gate was asked: a halt confirmed by now would have been seen
            require(self._lease)
            outcome = await self._venue.amend(
                order.account_id, order.venue_client_id, event.amendment, window
            )
            await self._record_amend(event, outcome, context)

    async def _amend_refusal(self, order: Order, event: OrderAmendRequested) -> Withheld | None:
        """What stands against an amendment at the moment this returns.

        Nothing where it asks for less quantity and nothing else, or is the core's own move of a
        trailing stop: that follows in the position's favour, as it would at a venue that has them.
        """
        if order.is_cut(event.amendment) or is_move(event.request_id):
            return None
        return await self._refusal(order, amended_terms(order.terms, event.amendment))

    async def _record_amend(
        self, event: OrderAmendRequested, outcome: Outcome, context: CommandContext
    ) -> None:
        record = partial(record_amend, event.request_id)
        await self._record(event.originator_id, outcome, record, context)

    async def _look(self, order_id: str) -> Order:
        return await insist(self._clock, lambda: self._repository.look(Order, order_id))

    def _venue_order(self, order: Order, window: SendWindow) -> VenueOrder | None:
        """The order as the venue can work it; None while its trailing stop stands nowhere."""
        capabilities = self._venue.capabilities
        terms = venue_terms(order.terms, capabilities, order.stop_price)
        if terms is None:
            return None
        linked = order.linked_order_id if capabilities.linked_orders else None
        return VenueOrder(
            client_order_id=order.venue_client_id,
            account_id=order.account_id,
            terms=terms,
            linked_client_order_id=venue_client_id_of(linked) if linked else None,
            window=window,
        )

    def _window(self, since: datetime) -> SendWindow:
        return SendWindow(sent_at=since, valid_until=since + SEND_WINDOW)

    async def _record(
        self, order_id: str, outcome: Outcome, record: Recorder, context: CommandContext
    ) -> None:
        if isinstance(outcome, Ambiguous) and outcome.raw is not None:
            await self._problems.note("unreadable_answer", outcome.reason, outcome.raw)

        def decide(order: Order) -> None:
            record(order, outcome, self._clock.now())

        try:
            await insist(
                self._clock,
                lambda: change(
                    self._repository, Order, order_id, decide, context.caused("outcome")
                ),
            )
        except VenueDataError as problem:
            await self._problems.note(problem.code, str(problem), outcome)
            self._in_doubt(order_id)
        if isinstance(outcome, Ambiguous):
            self._in_doubt(order_id)


def _cancelled(order: Order) -> Withheld | None:
    if order.pending_cancel is None:
        return None
    return Withheld("cancelled_before_sent", "it was cancelled first")
