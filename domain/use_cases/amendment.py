"""Amending an order: the higher worst case is reserved before the venue is asked."""

import msgspec

from domain.account.account import Account
from domain.clock import Clock
from domain.command import CommandContext, DecisionInputs
from domain.controls.venue_filters import require_filters
from domain.errors import Busy, Conflict, NotFound, Refused
from domain.log import WrongExpectedVersion
from domain.order.order import Order
from domain.repository import Repository
from domain.use_cases.change import MAX_RACES
from domain.use_cases.decision import Decision, DecisionMaker
from domain.use_cases.proposal import amended_order
from domain.use_cases.requests import AmendOrder
from domain.use_cases.result import Done


class OrderAmendment:
    """Amends orders; see OrderDesk.amend."""

    def __init__(self, repository: Repository, decisions: DecisionMaker, clock: Clock) -> None:
        self._repository = repository
        self._decisions = decisions
        self._clock = clock

    async def amend(self, request: AmendOrder, context: CommandContext) -> Done:
        async with self._repository.turn(Order.stream_of(request.order_id)):
            for _ in range(MAX_RACES):
                order = await self._repository.load(Order, request.order_id, newest=True)
                try:
                    position = await self._request(order, request, context)
                except WrongExpectedVersion:
                    continue
                return Done(id=request.order_id, position=position)
        raise Busy("stream_busy", f"order {request.order_id} is changing too fast; try again")

    async def _request(self, order: Order, request: AmendOrder, context: CommandContext) -> int:
        if not order.exists:
            raise NotFound("order_not_found", f"there is no order {request.order_id}")
        if not order.is_known_amendment(request.request_id, request.amendment):
            order.require_amendable(request.amendment)
            decision = await self._reserve(order, request, context)
            inputs = _inputs(decision, order)
            order.request_amend(
                request.request_id,
                request.amendment,
                decision.terms_price,
                decision.verdicts,
                decision.decided_at,
            )
            appended = await self._repository.save(order, context, inputs)
            if appended is not None:
                return appended.position
        self._repository.give_back(order)
        return await self._repository.head()

    async def _reserve(
        self, order: Order, request: AmendOrder, context: CommandContext
    ) -> Decision:
        proposal = amended_order(order, request.amendment)
        terms = proposal.terms
        terms.check()
        require_filters(terms, self._decisions.instrument(terms.symbol))
        leaves = max(terms.quantity - order.cum_quantity, order.leaves_quantity)
        async with self._repository.turn(Account.stream_of(order.account_id)):
            for _ in range(MAX_RACES):
                account = await self._repository.load(Account, order.account_id, newest=True)
                decision = self._decisions.decide(proposal, account, order.strategy_id)
                _require(decision, account, order)
                account.amend_reservation(
                    order.id,
                    order.version,
                    leaves,
                    decision.worst_price,
                    decision.decided_at,
                    request_id=request.request_id,
                )
                try:
                    await self._repository.save(account, context)
                except WrongExpectedVersion:
                    continue
                return decision
        raise Busy("stream_busy", f"account {order.account_id} is changing too fast; try again")


def _inputs(decision: Decision, order: Order) -> DecisionInputs:
    inputs = decision.inputs
    streams = {**inputs.streams, order.stream: order.version}
    return msgspec.structs.replace(inputs, streams=streams)


def _require(decision: Decision, account: Account, order: Order) -> None:
    if not decision.passed:
        failure = decision.first_failure
        raise Refused(failure.code or failure.control, failure.message or failure.control)
    if order.id not in account.reservations:
        raise Conflict("order_not_live", f"order {order.id} has nothing left to amend")
