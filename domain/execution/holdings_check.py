"""Comparing what an account holds with what the venue says it holds."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from domain.account.account import Account
from domain.clock import Clock
from domain.execution.account_records import AccountRecords
from domain.execution.comparison import Difference, difference
from domain.execution.inquiry import CLOCKS_APART, Inquiry
from domain.execution.venue_problems import VenueProblems
from domain.instrument import Instruments
from domain.order.order import Order, order_id_of
from domain.venue import FillReport, UnreadableAnswer, Venue, VenuePosition, VenueUnavailable

ADJUSTED_AFTER_SECONDS = 15
"""How long a difference must stay the same: longer than a venue may take to list a fill."""


class _Seen(msgspec.Struct, frozen=True):
    """A difference, and since when it is there, on the monotonic clock."""

    difference: Difference
    since: float


class _UnderWay(msgspec.Struct, frozen=True):
    """What is booked and not settled makes a difference that is none."""


class HoldingsCheck:
    """Positions and balances: the venue's are taken where they differ for good.

    What differs while something is under way (a fill that is booked and not settled, a report that
    has not come) is no difference. Methods raise VenueUnavailable.
    """

    def __init__(
        self,
        *,
        records: AccountRecords,
        venue: Venue,
        inquiry: Inquiry,
        problems: VenueProblems,
        instruments: Instruments,
        clock: Clock,
    ) -> None:
        self._records = records
        self._venue = venue
        self._inquiry = inquiry
        self._problems = problems
        self._instruments = instruments
        self._clock = clock
        self._seen: dict[str, _Seen] = {}
        self._settled_to: dict[str, datetime] = {}

    async def unsettled_since(self, account_id: str) -> datetime:
        """The first time, on the venue's clock, of a fill that may not be settled."""
        settled = self._settled_to.get(account_id)
        if settled is not None:
            return settled
        orders = await self._records.working_orders(await self._records.account(account_id))
        placed = [order.placed_at for order in orders if order.submitted]
        return min(placed, default=self._clock.now()) - CLOCKS_APART

    async def compare(self, account_id: str) -> bool:
        """Adjust what differs in the same way for some time; true while it has to be watched."""
        look = await self._look(account_id)
        if isinstance(look, _UnderWay):
            return account_id in self._seen
        if look is None:
            self._seen.pop(account_id, None)
            return False
        if self._lasts_since(account_id, look) >= ADJUSTED_AFTER_SECONDS:
            await self._ask_about_trades(account_id)
            await self._adjust_if_alike(account_id, look)
            return await self._look(account_id) is not None
        return True

    def _lasts_since(self, account_id: str, look: Difference) -> float:
        """For how many seconds it has been the same."""
        now = self._clock.monotonic()
        seen = self._seen.get(account_id)
        if seen is None or not seen.difference.is_like(look):
            seen = self._seen[account_id] = _Seen(look, now)
        return now - seen.since

    async def _adjust_if_alike(self, account_id: str, before: Difference) -> None:
        """After all answers: a fill or a bust that they told of may be on its way."""
        look = await self._look(account_id)
        if not isinstance(look, Difference) or not look.is_like(before):
            return
        if await self._executions_are_settled(account_id):
            await self._adjust(account_id, look)

    async def _look(self, account_id: str) -> Difference | _UnderWay | None:
        """None if nothing differs."""
        positions = await self._venue.positions(account_id)
        balances = await self._venue.balances(account_id)
        _require_numbers(positions, balances)
        await self._note_unknown_instruments(account_id, positions)
        since = await self.unsettled_since(account_id)
        fills = await self._venue.fills_since(account_id, since)
        account = await self._records.account(account_id)
        if not await self._is_settled(account, fills):
            return _UnderWay()
        if fills:
            # A venue may list a fill a little later than those that came after it.
            self._settled_to[account_id] = max(fill.at for fill in fills) - CLOCKS_APART
        return difference(account, positions, balances, self._instruments)

    async def _note_unknown_instruments(
        self, account_id: str, positions: Sequence[VenuePosition]
    ) -> None:
        """Each once, however often the core starts: the account knows what was found."""
        account = await self._records.account(account_id)
        for position in positions:
            symbol = position.symbol.encode(errors="replace").decode()  # it may be anything
            if self._instruments.get(position.symbol) is not None:
                continue
            if account.external_positions.get(symbol) != position.quantity:
                await self._problems.note("unknown_symbol", f"a position in {symbol}", position)
                await self._find_external(account_id, symbol, position.quantity)

    async def _find_external(self, account_id: str, symbol: str, quantity: Decimal) -> None:
        def decide(account: Account) -> None:
            account.find_external_position(symbol, quantity, self._clock.now())

        await self._records.change(account_id, decide)

    async def _is_settled(self, account: Account, fills: Sequence[FillReport]) -> bool:
        """True if each booked fill is in the account, each reservation what its order leaves."""
        for fill in fills:
            if not await self._is_fill_settled(account, fill):
                return False
        orders = await self._records.working_orders(account)
        return all(order.is_live and _is_reserved(account, order) for order in orders)

    async def _is_fill_settled(self, account: Account, fill: FillReport) -> bool:
        order_id = order_id_of(fill.client_order_id)
        if order_id is None:
            return True  # a trade by somebody else
        order = await self._records.order(order_id)
        if not order.submitted:
            return True
        booked = order.fills.get(fill.trade_id)
        if booked is None:
            return True  # it cannot be booked, or will be before the difference has lasted
        return booked.number <= account.settled.get(order_id, 0)

    async def _executions_are_settled(self, account_id: str) -> bool:
        """False while a bust, too, is on its way into the account."""
        account = await self._records.account(account_id)
        orders = await self._records.executed_orders(account)
        return all(order.last_execution == account.settled[order.id] for order in orders)

    async def _ask_about_trades(self, account_id: str) -> None:
        """A difference may be a bust that was missed, of orders that have ended.

        Raises VenueUnavailable if one question stays open: that one may explain the difference.
        """
        orders = await self._records.executed_orders(await self._records.account(account_id))
        if not await self._inquiry.ask_all([order.id for order in orders]):
            raise VenueUnavailable("it did not say what became of every order that was executed")

    async def _adjust(self, account_id: str, look: Difference) -> None:
        def decide(account: Account) -> None:
            if account.version != look.account_version:
                return
            now = self._clock.now()
            for found in look.positions:
                account.adjust_position(found, now)
            for asset, amount in look.balances:
                account.adjust_balance(asset, amount, now)

        await self._records.change(account_id, decide)


def _is_reserved(account: Account, order: Order) -> bool:
    """False as well once the reservation is gone: the account may have changed meanwhile."""
    held = account.reservations.get(order.id)
    return held is not None and held.quantity == order.leaves_quantity


def _require_numbers(positions: Sequence[VenuePosition], balances: Mapping[str, Decimal]) -> None:
    """Raises UnreadableAnswer: what is not a number cannot be compared, nor taken."""
    numbers = [number for each in positions for number in (each.quantity, each.cost)]
    if not all(number.is_finite() for number in (*numbers, *balances.values())):
        raise UnreadableAnswer(
            "a position or a balance is not a number",
            msgspec.json.encode((positions, balances)).decode(),
        )
