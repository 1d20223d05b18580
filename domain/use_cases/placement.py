"""Placing an order: reserve in the account, then record the order, with every verdict.

The account's expected version is where the race for money ends; the order's stream is written
after it. A crash between the two leaves a reservation that the same request completes.
"""

import msgspec

from domain.account.account import Account
from domain.command import CommandContext
from domain.controls.fingerprint import fingerprint
from domain.controls.venue_filters import require_filters
from domain.decimals import ZERO
from domain.errors import Busy, Conflict, NotFound
from domain.log import WrongExpectedVersion
from domain.order.order import NewOrder, Order
from domain.order.terms import OrderTerms, OrderType
from domain.repository import Repository
from domain.use_cases.change import MAX_RACES
from domain.use_cases.decision import Decision, DecisionMaker
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

    def __init__(self, repository: Repository, decisions: DecisionMaker) -> None:
        self._repository = repository
        self._decisions = decisions

    async def place(self, request: PlaceOrder, context: CommandContext) -> PlacedOrder:
        instrument = self._decisions.instrument(request.terms.symbol)
        request.terms.check()
        require_filters(request.terms, instrument)
        legs = legs_of(request.terms, context)
        async with self._repository.turn(Order.stream_of(legs[0].order_id)):
            recorded = await self._recorded(legs, request)
            if recorded is not None:
                return recorded
            decided = await self._reserve(legs, request, context)
            return await self._record(decided, request, context)

    async def _recorded(self, legs: tuple[Leg, ...], request: PlaceOrder) -> PlacedOrder | None:
        """What the log holds for this command: the last leg is written last."""
        order = await self._repository.load(Order, legs[-1].order_id, newest=True)
        if not order.exists:
            self._repository.give_back(order)
            return None
        if order.account_id != request.account_id or order.terms != legs[-1].terms:
            raise Conflict("idempotency_key_reused", "the key placed another order")
        answer = _answer(order, legs, await self._repository.head())
        self._repository.give_back(order)
        return answer

    async def _reserve(
        self, legs: tuple[Leg, ...], request: PlaceOrder, context: CommandContext
    ) -> tuple[DecidedLeg, ...]:
        newest = False
        async with self._repository.turn(Account.stream_of(request.account_id)):
            for _ in range(MAX_RACES):
                account = await self._repository.load(Account, request.account_id, newest=newest)
                if account.exists:
                    decided = tuple(self._decide(leg, account, request, context) for leg in legs)
                    if all(each.decision.passed for each in decided):
                        if await self._saved(account, context):
                            return decided
                    elif newest:
                        return decided
                elif newest:
                    raise NotFound("account_not_found", f"no account {request.account_id}")
                newest = True
        raise Busy("stream_busy", f"account {request.account_id} is changing too fast; try again")

    def _decide(
        self, leg: Leg, account: Account, request: PlaceOrder, context: CommandContext
    ) -> DecidedLeg:
        """Decide on one leg, and reserve for it so that the next leg is measured with it."""
        decision = self._decisions.decide(
            leg.order_id,
            leg.terms,
            account,
            strategy_id=request.strategy_id,
            filled=ZERO,
            at_least_price=ZERO,
        )
        instrument = self._decisions.instrument(leg.terms.symbol)
        if decision.passed:
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
        self, decided: tuple[DecidedLeg, ...], request: PlaceOrder, context: CommandContext
    ) -> PlacedOrder:
        """Record all legs as placed, or all as refused.

        What a refused leg may have reserved in an earlier attempt is released by policy.
        """
        refusal = next((each.decision for each in decided if not each.decision.passed), None)
        try:
            for each in decided:
                order = await self._repository.load(Order, each.leg.order_id)
                if not order.exists:
                    self._conclude(order, each, refusal)
                appended = await self._repository.save(order, context, each.decision.inputs)
        except WrongExpectedVersion:
            recorded = await self._recorded(tuple(each.leg for each in decided), request)
            if recorded is None:
                raise
            return recorded
        position = appended.position if appended else await self._repository.head()
        return _answer(order, tuple(each.leg for each in decided), position)

    @staticmethod
    def _conclude(order: Order, decided: DecidedLeg, refusal: Decision | None) -> None:
        if refusal is None:
            order.place(decided.order, decided.decision.verdicts, decided.decision.decided_at)
        else:
            order.refuse(decided.order, refusal.verdicts, decided.decision.decided_at)


def legs_of(terms: OrderTerms, context: CommandContext) -> tuple[Leg, ...]:
    """The orders a request makes. Their ids derive from the command."""
    order_id = context.derived_id("order")
    if terms.type is not OrderType.OCO:
        return (Leg(order_id, terms),)
    stop_id = context.derived_id("order/stop")
    limit = msgspec.structs.replace(terms, type=OrderType.LIMIT, stop_price=None)
    stop = msgspec.structs.replace(terms, type=OrderType.STOP_LOSS, limit_price=None)
    return Leg(order_id, limit, stop_id), Leg(stop_id, stop, order_id)


def _answer(order: Order, legs: tuple[Leg, ...], position: int) -> PlacedOrder:
    return PlacedOrder(
        order_id=legs[0].order_id,
        status=order.status,
        position=position,
        verdicts=order.verdicts,
        code=order.refusal_code,
        linked_order_id=legs[0].linked_order_id,
    )
