"""Comparing accounts with the venue, at the start and again and again: the venue wins."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from domain.account.account import Account
from domain.clock import Clock
from domain.command import Actor, ActorType, CommandContext, command_id_for
from domain.errors import NotFound
from domain.execution.booking import Booking
from domain.execution.comparison import Difference, difference
from domain.execution.inquiry import CLOCKS_APART, Inquiry
from domain.execution.trading_gate import TradingGate
from domain.execution.venue_accounts import VenueAccounts
from domain.execution.venue_problems import VenueProblems
from domain.instrument import Instruments
from domain.order.order import Order, VenueDataError, order_id_of
from domain.patience import insist
from domain.repository import Repository
from domain.use_cases.change import change
from domain.venue import FillReport, OpenOrder, Venue, VenuePosition, VenueUnavailable

ROUND_SECONDS = 30
RETRY_SECONDS = 5
LOOK_AGAIN_SECONDS = 1
ADJUSTED_AFTER_SECONDS = 15
"""How long a difference must stay the same: longer than a venue may take to list a fill."""

FAILURES_ADMITTED = 3
"""Rounds that may fail in a row before an account stops trading; at the start none may."""

SIDE_BY_SIDE = 16

ORDERS_LOOKED_AT = 50
"""How many of an account's newest executed orders are asked about where a position differs."""

_ACTOR = Actor(ActorType.SYSTEM, "reconciliation", "execution")


class _Seen(msgspec.Struct, frozen=True):
    """A difference, and since when it is there, on the monotonic clock."""

    difference: Difference
    since: float


class Reconciliation:
    """``start`` compares every account once; ``run`` goes on; ``hurry`` asks for a round now."""

    def __init__(
        self,
        *,
        repository: Repository,
        venue: Venue,
        accounts: VenueAccounts,
        booking: Booking,
        inquiry: Inquiry,
        gate: TradingGate,
        problems: VenueProblems,
        instruments: Instruments,
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._venue = venue
        self._accounts = accounts
        self._booking = booking
        self._inquiry = inquiry
        self._gate = gate
        self._problems = problems
        self._instruments = instruments
        self._clock = clock
        self._failures: dict[str, int] = {}
        self._seen: dict[str, _Seen] = {}
        self._settled_to: dict[str, datetime] = {}
        self._due: float = 0

    async def start(self) -> None:
        """Compare every account; one that cannot be compared does not trade until it can."""
        await self._round(admitted=0)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._clock.sleep(LOOK_AGAIN_SECONDS)
            if self._clock.monotonic() >= self._due:
                self._due = self._clock.monotonic() + ROUND_SECONDS
                await self._round(admitted=FAILURES_ADMITTED)

    def hurry(self) -> None:
        """Something may have been missed: do not wait for the next round."""
        self._due = 0

    async def _round(self, admitted: int) -> None:
        slots = asyncio.Semaphore(SIDE_BY_SIDE)

        async def compare(account_id: str) -> None:
            async with slots:
                await self._attempt(account_id, admitted)

        accounts = await insist(self._clock, self._accounts.list)
        async with asyncio.TaskGroup() as group:
            for account_id in accounts:
                group.create_task(compare(account_id))

    async def _attempt(self, account_id: str, admitted: int) -> None:
        try:
            await self._reconcile(account_id)
        except VenueUnavailable as error:
            await self._problems.note_silence(error)
            await self._fail(account_id, f"the venue does not answer: {error}", admitted)
        else:
            await self._succeed(account_id)

    async def _fail(self, account_id: str, reason: str, admitted: int) -> None:
        self._failures[account_id] = self._failures.get(account_id, 0) + 1
        self._due = min(self._due, self._clock.monotonic() + RETRY_SECONDS)
        if self._failures[account_id] > admitted:
            self._gate.suspend(account_id, reason)
            await self._change(
                account_id, lambda account: account.fail_reconciliation(reason, self._clock.now())
            )

    async def _succeed(self, account_id: str) -> None:
        self._failures.pop(account_id, None)
        self._gate.admit(account_id)
        account = await self._look(account_id)
        if account.reconciliation_failure is not None:
            await self._change(account_id, lambda account: account.reconcile(self._clock.now()))

    async def _reconcile(self, account_id: str) -> None:
        """Raises VenueUnavailable."""
        open_orders = await self._venue.open_orders(account_id)
        await self._book_fills(account_id)
        await self._find_external_orders(account_id, open_orders)
        await self._ask_about_orders(account_id, open_orders)
        await self._compare(account_id)

    async def _book_fills(self, account_id: str) -> None:
        """Book what was missed."""
        since = await self._since(account_id)
        for fill in await self._venue.fills_since(account_id, since):
            try:
                await self._booking.book(fill)
            except NotFound:
                pass  # a trade by somebody else: the comparison of positions shows it
            except VenueDataError as problem:
                await self._problems.note(problem.code, str(problem), fill)

    async def _since(self, account_id: str) -> datetime:
        """The first time, on the venue's clock, of a fill that may not be settled."""
        settled = self._settled_to.get(account_id)
        if settled is not None:
            return settled
        orders = await self._working_orders(await self._look(account_id))
        placed = [order.placed_at for order in orders if order.submitted]
        return min(placed) - CLOCKS_APART if placed else self._clock.now() - CLOCKS_APART

    async def _find_external_orders(
        self, account_id: str, open_orders: Sequence[OpenOrder]
    ) -> None:
        for found in open_orders:
            if not await self._is_ours(found):

                def decide(account: Account, found: OpenOrder = found) -> None:
                    account.find_external_order(found, self._clock.now())

                await self._change(account_id, decide)

    async def _is_ours(self, found: OpenOrder) -> bool:
        order_id = order_id_of(found.client_order_id)
        if order_id is None:
            return False
        return (await self._look_at_order(order_id)).submitted

    async def _ask_about_orders(self, account_id: str, open_orders: Sequence[OpenOrder]) -> None:
        """Ask about every order of which the venue's list does not say what the log says."""
        listed = {each.client_order_id: each for each in open_orders}
        orders = await self._working_orders(await self._look(account_id))
        await self._inquiry.ask_all(
            [order.id for order in orders if order.submitted and not _agrees(order, listed)]
        )

    async def _compare(self, account_id: str) -> None:
        """Adjust what differs in the same way for some time, with nothing under way."""
        seen = self._seen.pop(account_id, None)
        look = await self._look_for_difference(account_id)
        if look is None:
            return
        now = self._clock.monotonic()
        since = seen.since if seen is not None and seen.difference == look else now
        if now - since >= ADJUSTED_AFTER_SECONDS:
            if await self._executions_are_settled(account_id):
                await self._adjust(account_id, look)
            return
        await self._ask_about_trades(account_id, look)
        self._seen[account_id] = _Seen(look, since)
        self.hurry()

    async def _ask_about_trades(self, account_id: str, look: Difference) -> None:
        """A position that differs may be a bust that was missed: of an order that has ended."""
        symbols = {position.symbol for position in look.positions}
        orders = await self._executed_orders(await self._look(account_id))
        await self._inquiry.ask_all([order.id for order in orders if order.terms.symbol in symbols])

    async def _executions_are_settled(self, account_id: str) -> bool:
        """False while a bust, too, is on its way into the account."""
        account = await self._look(account_id)
        orders = await self._executed_orders(account)
        return all(order.last_execution == account.settled[order.id] for order in orders)

    async def _executed_orders(self, account: Account) -> Sequence[Order]:
        newest = list(account.settled)[-ORDERS_LOOKED_AT:]
        return [await self._look_at_order(order_id) for order_id in newest]

    async def _look_for_difference(self, account_id: str) -> Difference | None:
        """None if there is none, or while fills are on their way into the account."""
        positions = await self._venue.positions(account_id)
        balances = await self._venue.balances(account_id)
        await self._note_unknown_instruments(positions)
        since = await self._since(account_id)
        fills = await self._venue.fills_since(account_id, since)
        account = await self._look(account_id)
        if not await self._is_settled(account, fills):
            return None
        if fills:
            # A venue may list a fill a little later than those that came after it.
            self._settled_to[account_id] = max(fill.at for fill in fills) - CLOCKS_APART
        return difference(account, positions, balances, self._instruments)

    async def _note_unknown_instruments(self, positions: Sequence[VenuePosition]) -> None:
        for position in positions:
            if self._instruments.get(position.symbol) is None:
                await self._problems.note(
                    "unknown_symbol", f"a position in {position.symbol}", position
                )

    async def _is_settled(self, account: Account, fills: Sequence[FillReport]) -> bool:
        """True if every fill is in the account, and every reservation is what its order leaves."""
        for fill in fills:
            order_id = order_id_of(fill.client_order_id)
            if order_id is not None and not await self._is_fill_settled(account, order_id, fill):
                return False
        orders = await self._working_orders(account)
        return all(
            order.is_live and account.reservations[order.id].quantity == order.leaves_quantity
            for order in orders
        )

    async def _is_fill_settled(self, account: Account, order_id: str, fill: FillReport) -> bool:
        order = await self._look_at_order(order_id)
        if not order.submitted:
            return True
        booked = order.fills.get(fill.trade_id)
        return booked is not None and booked.number <= account.settled.get(order_id, 0)

    async def _adjust(self, account_id: str, look: Difference) -> None:
        def decide(account: Account) -> None:
            if account.version != look.account_version:
                return
            now = self._clock.now()
            for found in look.positions:
                account.adjust_position(found, now)
            for asset, amount in look.balances:
                account.adjust_balance(asset, amount, now)

        await self._change(account_id, decide)

    async def _working_orders(self, account: Account) -> Sequence[Order]:
        """The orders the account has reserved for: all that may work, and those on their way."""
        return [await self._look_at_order(order_id) for order_id in account.reservations]

    async def _look(self, account_id: str) -> Account:
        return await insist(self._clock, lambda: self._repository.look(Account, account_id))

    async def _look_at_order(self, order_id: str) -> Order:
        """As this worker knows it: what it has booked itself is in there."""

        async def load() -> Order:
            order = await self._repository.load(Order, order_id)
            self._repository.give_back(order)
            return order

        return await insist(self._clock, load)

    async def _change(self, account_id: str, decide: Callable[[Account], None]) -> None:
        command_id = command_id_for("reconciliation", account_id, self._clock.now().isoformat())
        context = CommandContext(command_id, str(command_id), _ACTOR)
        await insist(
            self._clock, lambda: change(self._repository, Account, account_id, decide, context)
        )


def _agrees(order: Order, listed: dict[str, OpenOrder]) -> bool:
    found = listed.get(order.venue_client_id)
    return found is not None and not order.in_doubt and found.cum_quantity == order.cum_quantity
