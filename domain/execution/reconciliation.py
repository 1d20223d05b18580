"""Comparing accounts with the venue, at the start and again and again: the venue wins."""

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec

from domain.account.account import Account
from domain.clock import Clock
from domain.errors import NotFound
from domain.execution.account_records import AccountRecords
from domain.execution.booking import Booking
from domain.execution.holdings_check import HoldingsCheck
from domain.execution.inquiry import Inquiry
from domain.execution.trading_gate import TradingGate
from domain.execution.venue_accounts import VenueAccounts
from domain.execution.venue_problems import VenueProblems
from domain.order.order import Order, VenueDataError, order_id_of
from domain.patience import insist
from domain.venue import OpenOrder, Venue, VenueUnavailable

ROUND_SECONDS = 30
RETRY_SECONDS = 5
LOOK_AGAIN_SECONDS = 1
FAILURES_ADMITTED = 3
"""Rounds that may fail in a row before an account stops trading; at the start none may, and what
differs then is cleared up before the account trades."""

SIDE_BY_SIDE = 16


class _AskedFor(msgspec.Struct, frozen=True):
    """What an order of ours is to work for, as of a version of it."""

    version: int
    quantity: Decimal
    limit_price: Decimal | None


class Reconciliation:
    """``start`` compares every account once; ``run`` goes on; ``hurry`` asks for a round now."""

    def __init__(
        self,
        *,
        records: AccountRecords,
        venue: Venue,
        accounts: VenueAccounts,
        booking: Booking,
        inquiry: Inquiry,
        gate: TradingGate,
        problems: VenueProblems,
        holdings: HoldingsCheck,
        clock: Clock,
    ) -> None:
        self._records = records
        self._venue = venue
        self._accounts = accounts
        self._booking = booking
        self._inquiry = inquiry
        self._gate = gate
        self._problems = problems
        self._holdings = holdings
        self._clock = clock
        self._failures: dict[str, int] = {}
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
            differs = await self._reconcile(account_id)
        except VenueUnavailable as error:
            await self._problems.note_silence(error)
            await self._fail(account_id, f"the venue does not answer: {error}", admitted)
            return
        if differs:
            self.hurry()
        if differs and (admitted == 0 or self._gate.is_suspended(account_id)):
            await self._fail(account_id, "it differs from what the venue has", admitted=0)
        else:
            await self._succeed(account_id)

    async def _fail(self, account_id: str, reason: str, admitted: int) -> None:
        self._failures[account_id] = self._failures.get(account_id, 0) + 1
        self._due = min(self._due, self._clock.monotonic() + RETRY_SECONDS)
        if self._failures[account_id] > admitted:
            self._gate.suspend(account_id, reason)
            await self._records.change(
                account_id, lambda account: account.fail_reconciliation(reason, self._clock.now())
            )

    async def _succeed(self, account_id: str) -> None:
        self._failures.pop(account_id, None)
        self._gate.admit(account_id)
        account = await self._records.account(account_id)
        if account.reconciliation_failure is not None:
            await self._records.change(
                account_id, lambda account: account.reconcile(self._clock.now())
            )

    async def _reconcile(self, account_id: str) -> bool:
        """True if it differs from the venue as yet. Raises VenueUnavailable."""
        open_orders = await self._venue.open_orders(account_id)
        await self._book_fills(account_id)
        await self._find_external_orders(account_id, open_orders)
        await self._ask_about_orders(account_id, open_orders)
        await self._find_amended_by_hand(account_id, open_orders)
        return await self._holdings.compare(account_id)

    async def _book_fills(self, account_id: str) -> None:
        """Book what was missed."""
        since = await self._holdings.unsettled_since(account_id)
        for fill in await self._venue.fills_since(account_id, since):
            try:
                await self._booking.book(fill)
            except NotFound:
                pass  # a trade by somebody else: the comparison of positions shows it
            except VenueDataError as problem:
                await self._problems.note(problem.code, str(problem), fill)

    async def _find_external_orders(
        self, account_id: str, open_orders: Sequence[OpenOrder]
    ) -> None:
        for found in open_orders:
            if not await self._is_ours(found):
                await self._find_external(account_id, found)

    async def _find_external(self, account_id: str, found: OpenOrder) -> None:
        def decide(account: Account) -> None:
            account.find_external_order(found, self._clock.now())

        await self._records.change(account_id, decide)

    async def _is_ours(self, found: OpenOrder) -> bool:
        order_id = order_id_of(found.client_order_id)
        if order_id is None:
            return False
        return (await self._records.order(order_id)).submitted

    async def _ask_about_orders(self, account_id: str, open_orders: Sequence[OpenOrder]) -> None:
        """Ask about every order of which the venue's list does not say what the log says."""
        listed = {each.client_order_id: each for each in open_orders}
        orders = await self._records.working_orders(await self._records.account(account_id))
        doubtful = [order.id for order in orders if order.submitted and not _agrees(order, listed)]
        await self._inquiry.ask_all([*doubtful, *await self._ended(open_orders)])

    async def _ended(self, open_orders: Sequence[OpenOrder]) -> Sequence[str]:
        """Those of ours that the venue works and that have ended here."""
        ours = [order_id_of(found.client_order_id) for found in open_orders]
        orders = [await self._records.order(order_id) for order_id in ours if order_id is not None]
        return [order.id for order in orders if order.submitted and not order.may_work]

    async def _find_amended_by_hand(
        self, account_id: str, open_orders: Sequence[OpenOrder]
    ) -> None:
        """Orders of ours that work for a quantity or at a price that nobody here asked for.

        An amendment may be taken between the list and the look at the log, so what differs is
        listed once more, and nothing may have happened to the order meanwhile.
        """
        before = await self._asked_for(open_orders)
        if not any(_is_other(found, before) for found in open_orders):
            return
        again = await self._venue.open_orders(account_id)
        after = await self._asked_for(again)
        for found in again:
            asked_for = after.get(found.client_order_id)
            if asked_for == before.get(found.client_order_id) and _is_other(found, after):
                await self._find_external(account_id, found)

    async def _asked_for(self, open_orders: Sequence[OpenOrder]) -> dict[str, _AskedFor]:
        """By client order id, of those of ours that no amendment is under way for."""
        found = {}
        for order_id in (order_id_of(each.client_order_id) for each in open_orders):
            if order_id is None:
                continue
            order = await self._records.order(order_id)
            if order.submitted and order.is_live and order.pending_amend is None:
                asked_for = _AskedFor(order.version, order.terms.quantity, order.terms.limit_price)
                found[order.venue_client_id] = asked_for
        return found


def _is_other(found: OpenOrder, asked_for: Mapping[str, _AskedFor]) -> bool:
    wanted = asked_for.get(found.client_order_id)
    if wanted is None:
        return False
    terms = found.terms
    return (terms.quantity, terms.limit_price) != (wanted.quantity, wanted.limit_price)


def _agrees(order: Order, listed: dict[str, OpenOrder]) -> bool:
    found = listed.get(order.venue_client_id)
    return found is not None and not order.in_doubt and found.cum_quantity == order.cum_quantity
