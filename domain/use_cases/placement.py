"""Placing an order: reserve in the account, then record the order, with every verdict.

The account's expected version is where the race for money ends; the order's stream is written
after it. A crash between the two leaves a reservation that the same request completes, unless the
order has been abandoned meanwhile (domain/policies/orphans.py).
"""

import msgspec

from domain.account.account import Account
from domain.clock import Clock
from domain.command import CommandContext, DecisionInputs, LinkedOrder
from domain.controls.fingerprint import fingerprint
from domain.controls.venue_filters import require_filters
from domain.errors import Busy, Conflict, InvalidInput, NotFound
from domain.instrument import Instrument
from domain.log import WrongExpectedVersion
from domain.order.order import NewOrder, Order
from domain.order.status import Ending
from domain.order.terms import OrderTerms, OrderType
from domain.repository import Repository
from domain.use_cases.change import MAX_RACES, give_back_unchanged
from domain.use_cases.decision import Decision, DecisionMaker
from domain.use_cases.proposal import new_order
from domain.use_cases.requests import PlaceOrder
from domain.use_cases.result import PlacedOrder


class Leg(msgspec.Struct, frozen=True):
    """One order to place; an oco request has two, each naming the other."""

    order_id: str
    terms: OrderTerms
    linked_order_id: str | None = None


class DecidedLeg(msgspec.Struct, frozen=True):
    leg: Leg
    decision: Decision
    order: NewOrder


class OrderPlacement:
    """Places orders; see OrderDesk.place."""

    def __init__(self, repository: Repository, decisions: DecisionMaker, clock: Clock) -> None:
        self._repository = repository
        self._decisions = decisions
        self._clock = clock

    async def place(self, request: PlaceOrder, context: CommandContext) -> PlacedOrder:
        instrument = self._decisions.instrument(request.terms.symbol)
        request.terms.check()
        require_filters(request.terms, instrument)
        legs = legs_of(request.terms, context)
        async with self._repository.turn(Order.stream_of(legs[0].order_id)):
            missing = await self._missing(legs, request)
            if not missing:
                return await self._recorded(legs)
            self._require_unexpired(request.terms)
            decided = await self._reserve(missing, request, context)
            return await self._record(legs, decided, request, context)

    def _require_unexpired(self, terms: OrderTerms) -> None:
        """Only of what is new: an order that was placed in time is answered for ever."""
        if terms.expire_at is not None and terms.expire_at <= self._clock.now():
            raise InvalidInput("expired", "expire_at has passed", "expire_at")

    async def _missing(self, legs: tuple[Leg, ...], request: PlaceOrder) -> tuple[Leg, ...]:
        """The legs that are still to be recorded; none of a pair that is refused in the log.

        Raises Conflict ``idempotency_key_reused``, ``order_abandoned``.
        """
        missing, refused = [], False
        for leg in legs:
            order = await self._repository.load(Order, leg.order_id, newest=True)
            self._repository.give_back(order)
            if not order.exists:
                missing.append(leg)
            elif order.ending is Ending.ABANDONED:
                raise Conflict(
                    "order_abandoned", f"order {order.id} took too long to place; use another key"
                )
            elif not _is_of(order, leg, request):
                raise Conflict("idempotency_key_reused", "the key placed another order")
            refused = refused or order.ending is Ending.REFUSED
        return () if refused else tuple(missing)

    async def _recorded(self, legs: tuple[Leg, ...]) -> PlacedOrder:
        """Of a pair whose refusal was cut off, the first leg is all there is."""
        for leg in reversed(legs):
            order = await self._repository.load(Order, leg.order_id)
            self._repository.give_back(order)
            if order.exists:
                break
        return _answer(order, legs, await self._repository.head())

    async def _reserve(
        self, legs: tuple[Leg, ...], request: PlaceOrder, context: CommandContext
    ) -> tuple[DecidedLeg, ...]:
        """Decide on all legs and reserve for them, or for none: a refusal is by the newest state.

        Raises NotFound ``account_not_found``, Busy ``stream_busy``.
        """
        newest = False
        async with self._repository.turn(Account.stream_of(request.account_id)):
            for _ in range(MAX_RACES):
                account = await self._repository.load(Account, request.account_id, newest=newest)
                if newest and not account.exists:
                    raise NotFound("account_not_found", f"no account {request.account_id}")
                decided = self._decide_all(legs, account, request, context)
                if decided and all(each.decision.passed for each in decided):
                    if await self._saved(account, context):
                        return decided
                else:
                    give_back_unchanged(self._repository, account)
                    if newest:
                        return decided
                newest = True
        raise Busy("stream_busy", f"account {request.account_id} is changing too fast; try again")

    def _decide_all(
        self,
        legs: tuple[Leg, ...],
        account: Account,
        request: PlaceOrder,
        context: CommandContext,
    ) -> tuple[DecidedLeg, ...]:
        if not account.exists:
            return ()
        return tuple(self._decide(leg, account, request, context) for leg in legs)

    def _decide(
        self, leg: Leg, account: Account, request: PlaceOrder, context: CommandContext
    ) -> DecidedLeg:
        """Decide on one leg, and reserve for it so that the next leg is measured with it."""
        proposal = new_order(leg.order_id, leg.terms, account)
        decision = self._decisions.decide(proposal, account, request.strategy_id)
        instrument = self._decisions.instrument(leg.terms.symbol)
        if decision.passed:
            _reserve_leg(account, leg, instrument, decision)
        order = NewOrder(
            account_id=account.id,
            client_id=account.client_id,
            client_order_id=request.client_order_id or leg.order_id,
            terms=leg.terms,
            worst_price=decision.worst_price,
            settlement_asset=instrument.settlement_asset,
            correlation_id=context.correlation_id,
            strategy_id=request.strategy_id,
            linked_order_id=leg.linked_order_id,
        )
        return DecidedLeg(leg=leg, decision=decision, order=order)

    async def _saved(self, account: Account, context: CommandContext) -> bool:
        try:
            await self._repository.save(account, context)
        except WrongExpectedVersion:
            return False
        return True

    async def _record(
        self,
        legs: tuple[Leg, ...],
        decided: tuple[DecidedLeg, ...],
        request: PlaceOrder,
        context: CommandContext,
    ) -> PlacedOrder:
        """Record all decided legs as placed, or all as refused.

        What a refused leg may have reserved in an earlier attempt is released by policy.
        """
        refused = next((each for each in decided if not each.decision.passed), None)
        position = 0
        try:
            for each in decided:
                order = await self._repository.load(Order, each.leg.order_id)
                self._conclude(order, each, refused or each)
                inputs = _inputs(each, refused or each)
                appended = await self._repository.save(order, context, inputs)
                position = appended.position if appended else position
        except (WrongExpectedVersion, Conflict) as lost_race:
            if await self._missing(legs, request):
                raise Busy("stream_busy", "another process places this order") from lost_race
            return await self._recorded(legs)
        return _answer(order, legs, position)

    @staticmethod
    def _conclude(order: Order, decided: DecidedLeg, decisive: DecidedLeg) -> None:
        decision = decisive.decision
        conclude = order.place if decision.passed else order.refuse
        conclude(decided.order, decision.verdicts, decision.decided_at)


def legs_of(terms: OrderTerms, context: CommandContext) -> tuple[Leg, ...]:
    """The orders a request makes. Their ids derive from the command."""
    order_id = context.derived_id("order")
    if terms.type is not OrderType.OCO:
        return (Leg(order_id, terms),)
    stop_id = context.derived_id("order/stop")
    limit = msgspec.structs.replace(terms, type=OrderType.LIMIT, stop_price=None)
    stop = msgspec.structs.replace(terms, type=OrderType.STOP_LOSS, limit_price=None)
    return Leg(order_id, limit, stop_id), Leg(stop_id, stop, order_id)


def _is_of(order: Order, leg: Leg, request: PlaceOrder) -> bool:
    """True if this request placed the order: the same key with another body is another request."""
    return (
        order.account_id == request.account_id
        and order.placed_terms == leg.terms
        and order.linked_order_id == leg.linked_order_id
        and order.strategy_id == request.strategy_id
        and order.client_order_id == (request.client_order_id or leg.order_id)
    )


def _reserve_leg(account: Account, leg: Leg, instrument: Instrument, decision: Decision) -> None:
    """Reserve at the decision's price, also where an attempt that was cut off reserved before."""
    if leg.order_id in account.reservations:
        account.amend_reservation(
            leg.order_id, 0, leg.terms.quantity, decision.worst_price, decision.decided_at
        )
        return
    account.reserve(
        leg.order_id,
        instrument,
        leg.terms.side,
        leg.terms.quantity,
        decision.worst_price,
        reduce_only=leg.terms.reduce_only,
        fingerprint=fingerprint(leg.terms),
        now=decision.decided_at,
    )


def _inputs(decided: DecidedLeg, decisive: DecidedLeg) -> DecisionInputs:
    """What the verdicts were measured on, also where they are of the other leg."""
    inputs, leg = decisive.decision.inputs, decisive.leg
    if decisive is decided:
        return inputs
    return msgspec.structs.replace(inputs, verdicts_of=LinkedOrder(leg.order_id, leg.terms))


def _answer(order: Order, legs: tuple[Leg, ...], position: int) -> PlacedOrder:
    return PlacedOrder(
        order_id=legs[0].order_id,
        status=order.status,
        position=position,
        verdicts=order.verdicts,
        code=order.refusal_code,
        linked_order_id=legs[0].linked_order_id,
    )
