"""What people do while everything fails: trade, change their minds, halt, trade by hand."""

import asyncio
from collections.abc import Callable, Coroutine
from decimal import Decimal
from random import Random
from typing import Any

from adapters.venues.paper.venue import PaperVenue
from domain.clock import Clock
from domain.order.order import Order
from domain.order.terms import OrderTerms, OrderType, Side
from domain.risk.risk_limits import SYSTEM_SCOPE
from domain.use_cases.account_desk import AcknowledgeExternal, Transfer
from domain.use_cases.requests import AmendOrder, CancelOrder, PlaceOrder
from domain.use_cases.risk_desk import ChangeTrading
from domain.venue import VenueOrder
from infra.composition.core import Core
from tests.simulation.api_process import Request
from tests.simulation.client import Client, context_for
from tests.simulation.market import UNTRADED
from tests.simulation.order_mix import OrderMix
from tests.simulation.story import Story
from tests.simulation.venue_story import SETTLEMENT_ASSET

Act = Callable[[str], Coroutine[None, None, None]]


class Workload:
    """Acts at random times. Every act has a number, from which its keys derive."""

    def __init__(
        self,
        *,
        client: Client,
        accounts: tuple[str, ...],
        mix: OrderMix,
        story: Story,
        venue: PaperVenue,
        clock: Clock,
        dice: Random,
    ) -> None:
        self._client = client
        self._accounts = accounts
        self._mix = mix
        self._story = story
        self._venue = venue
        self._clock = clock
        self._dice = dice
        self._acts: dict[Act, float] = {
            self._place: 10.0,
            self._amend: 3.0,
            self._cancel: 4.0,
            self._halt: self._sometimes(0.5),
            self._reduce: self._sometimes(0.3),
            self._deposit: self._sometimes(0.5),
            self._withdraw: self._sometimes(0.5),
            self._trade_by_hand: self._sometimes(0.6),
            self._trade_what_is_not_traded: self._sometimes(0.2),
            self._bust: self._sometimes(0.5),
            self._acknowledge: 0.7,
        }

    async def run(self, acts: int, acts_per_second: float) -> None:
        """So many acts, some of them at the same time; returns when the last is done."""
        async with asyncio.TaskGroup() as group:
            for number in range(1, acts + 1):
                act = self._dice.choices(tuple(self._acts), tuple(self._acts.values()))[0]
                group.create_task(act(str(number)))
                await self._clock.sleep(self._dice.expovariate(acts_per_second))

    def _sometimes(self, weight: float) -> float:
        """In half of the seeds not at all."""
        return weight if self._dice.random() < 0.5 else 0.0

    async def _ask(self, request: Request) -> Any | None:
        """Now and then somebody asks again although there was an answer."""
        answer = await self._client.ask(request)
        if self._dice.random() < 0.1:
            await self._client.ask(request)
        return answer

    async def _place(self, number: str) -> None:
        request = PlaceOrder(self._dice.choice(self._accounts), self._mix.terms())
        context = context_for("place", number)
        await self._ask(lambda core: core.orders.place(request, context))

    async def _amend(self, number: str) -> None:
        order = self._any_live_order()
        if order is not None:
            request = AmendOrder(order.id, f"amend-{number}", self._mix.amendment(order))
            context = context_for("amend", number)
            await self._ask(lambda core: core.orders.amend(request, context))

    async def _cancel(self, number: str) -> None:
        order = self._any_live_order()
        if order is not None:
            request = CancelOrder(order.id, f"cancel-{number}", "changed my mind")
            context = context_for("cancel", number)
            await self._ask(lambda core: core.orders.cancel(request, context))

    async def _halt(self, number: str) -> None:
        """And, most times, resume a little later."""
        scope = self._any_scope()
        halt = ChangeTrading(scope, f"halt-{number}", "something is wrong")
        await self._ask(lambda core: core.risk.halt(halt, context_for("halt", number)))
        await self._resume(scope, number)

    async def _reduce(self, number: str) -> None:
        scope = self._any_scope()
        reduce = ChangeTrading(scope, f"reduce-{number}", "slow down")
        await self._ask(lambda core: core.risk.reduce(reduce, context_for("reduce", number)))
        await self._resume(scope, number)

    async def _resume(self, scope: str, number: str) -> None:
        await self._clock.sleep(self._dice.expovariate(0.5))
        if self._dice.random() < 0.95:
            resume = ChangeTrading(scope, f"resume-{number}", "all is well")
            await self._ask(lambda core: core.risk.resume(resume, context_for("resume", number)))

    async def _deposit(self, number: str) -> None:
        transfer = self._transfer(f"deposit-{number}")
        context = context_for("deposit", number)
        await self._ask(lambda core: core.accounts.deposit(transfer, context))

    async def _withdraw(self, number: str) -> None:
        transfer = self._transfer(f"withdrawal-{number}")
        context = context_for("withdraw", number)
        await self._ask(lambda core: core.accounts.withdraw(transfer, context))

    def _transfer(self, transfer_id: str) -> Transfer:
        amount = Decimal(self._dice.randint(5, 40))
        return Transfer(self._dice.choice(self._accounts), transfer_id, SETTLEMENT_ASSET, amount)

    async def _trade_by_hand(self, number: str) -> None:
        """At the venue's own screen; the core is not asked."""
        terms = self._mix.terms()
        if terms.type is not OrderType.OCO:
            order = VenueOrder(f"manual-{number}", self._dice.choice(self._accounts), terms)
            await self._venue.submit(order)

    async def _trade_what_is_not_traded(self, number: str) -> None:
        """A first and only purchase: what it costs stays in its own position."""
        account_id = self._dice.choice(self._accounts)
        if not self._story.venue.untraded[account_id]:
            terms = OrderTerms(UNTRADED, Side.BUY, OrderType.MARKET, Decimal("0.5"))
            await self._venue.submit(VenueOrder(f"manual-{number}", account_id, terms))

    async def _bust(self, number: str) -> None:
        """The venue takes one of its executions back."""
        venue = self._story.venue
        standing = [k for k in venue.fills if k not in venue.busted and k[1] != UNTRADED]
        if standing:
            account_id, symbol, trade_id = self._dice.choice(standing)
            await self._venue.bust(account_id, symbol, trade_id, f"error {number}")

    async def _acknowledge(self, number: str) -> None:
        for account in tuple(self._story.accounts.values()):
            if account.unacknowledged:
                request = AcknowledgeExternal(account.id, f"seen-{number}", "that was me")
                context = context_for("acknowledge", number, account.id)
                await self._ask(_acknowledging(request, context))

    def _any_scope(self) -> str:
        return self._dice.choice((SYSTEM_SCOPE, *(f"account:{each}" for each in self._accounts)))

    def _any_live_order(self) -> Order | None:
        live = [order for order in self._story.orders.values() if order.is_live]
        return self._dice.choice(live) if live else None


def _acknowledging(request: AcknowledgeExternal, context: Any) -> Request:
    async def acknowledge(core: Core) -> Any:
        return await core.accounts.acknowledge(request, context)

    return acknowledge
