"""A careful sender: every request has a window, and a lost answer is asked for, never assumed."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from domain.venue import (
    Absent,
    Accepted,
    Ambiguous,
    Amendment,
    FillReport,
    OpenOrder,
    OrderState,
    Outcome,
    Rejected,
    SendWindow,
    Venue,
    VenueOrder,
    VenuePosition,
    VenueStatus,
    VenueUnavailable,
)
from tests.doubles.manual_clock import ManualClock

Answer = TypeVar("Answer")

ACCOUNT = "5f0c1a34-9d1e-4c77-8d54-0f6f3b8f7a11"
OTHER_ACCOUNT = "0d3c6c9e-24a8-4e0f-9c5f-5f2a7f3f1b22"
EVER = datetime(1970, 1, 1, tzinfo=UTC)
WINDOW = timedelta(seconds=5)

PATIENCE = 20.0
"""Seconds after which whatever was on its way has arrived, and no window is open any more."""

ATTEMPTS = 60


class Trader:
    """Trades at a venue that may sit behind a bad network, on behalf of ACCOUNT if none is given.

    ``venue`` is asked for each time, as it changes with a restart. Over a bad network time passes
    while the trader waits; over a good one, only when the test says so.
    """

    def __init__(
        self, venue: Callable[[], Venue], clock: ManualClock, *, bad_network: bool
    ) -> None:
        self._venue = venue
        self._clock = clock
        self._bad_network = bad_network
        self._passing = asyncio.Lock()
        self.accepted_ids: dict[str, str] = {}
        self.begun_with: dict[str, dict[str, Decimal]] = {}

    # Requests

    async def submit(self, order: VenueOrder) -> Accepted | Rejected:
        before = await self._ids_of(order)
        for _ in range(ATTEMPTS):
            windowed = msgspec.structs.replace(order, window=self.window())
            outcome = await self._wait_for(self._venue().submit(windowed))
            known = await self._resolved(outcome, order, before)
            if known is not None:
                return self._noted(order.account_id, known)
        raise AssertionError(f"{order.client_order_id} did not get through")

    async def send_once(self, order: VenueOrder) -> Outcome:
        """As it is, with the window it has; whatever is on its way has arrived afterwards."""
        return await self._once(self._venue().submit(order), order.account_id)

    async def amend_once(
        self, client_order_id: str, change: Amendment, window: SendWindow
    ) -> Outcome:
        amend = self._venue().amend(ACCOUNT, client_order_id, change, window)
        return await self._once(amend, ACCOUNT)

    async def amend(
        self, client_order_id: str, change: Amendment, account_id: str = ACCOUNT
    ) -> Accepted | Rejected:
        before = await self.state(client_order_id, account_id)

        def is_done(state: OrderState) -> bool:
            was_so = isinstance(before, OrderState) and has_values(before, change)
            return has_values(state, change) and not was_so

        return await self._insist(
            lambda: self._venue().amend(account_id, client_order_id, change, self.window()),
            client_order_id,
            account_id,
            is_done,
        )

    async def cancel(self, client_order_id: str, account_id: str = ACCOUNT) -> Accepted | Rejected:
        before = await self.state(client_order_id, account_id)

        def is_done(state: OrderState) -> bool:
            was_working = isinstance(before, OrderState) and before.status is VenueStatus.WORKING
            return was_working and (state.status, state.reason) == (VenueStatus.CANCELLED, "user")

        return await self._insist(
            lambda: self._venue().cancel(account_id, client_order_id),
            client_order_id,
            account_id,
            is_done,
        )

    # Questions

    async def state(self, client_order_id: str, account_id: str = ACCOUNT) -> OrderState | Absent:
        return await self.ask(lambda: self._venue().find_order(account_id, client_order_id))

    async def known(self, client_order_id: str, account_id: str = ACCOUNT) -> OrderState:
        state = await self.state(client_order_id, account_id)
        assert isinstance(state, OrderState), state
        return state

    async def status(self, client_order_id: str) -> tuple[str, Decimal, str]:
        """Status, quantity filled and reason of its end."""
        state = await self.known(client_order_id)
        return str(state.status), state.cum_quantity, state.reason

    async def fills(
        self, account_id: str = ACCOUNT, since: datetime = EVER
    ) -> Sequence[FillReport]:
        return await self.ask(lambda: self._venue().fills_since(account_id, since))

    async def by_venue_id(
        self, venue_order_id: str, account_id: str = ACCOUNT
    ) -> OrderState | Absent:
        return await self.ask(lambda: self._venue().find_venue_order(account_id, venue_order_id))

    async def positions(self, account_id: str = ACCOUNT) -> Sequence[VenuePosition]:
        return await self.ask(lambda: self._venue().positions(account_id))

    async def balances(self, account_id: str = ACCOUNT) -> dict[str, Decimal]:
        return dict(await self.ask(lambda: self._venue().balances(account_id)))

    async def open_orders(self, account_id: str = ACCOUNT) -> dict[str, OpenOrder]:
        orders = await self.ask(lambda: self._venue().open_orders(account_id))
        return {each.client_order_id: each for each in orders}

    async def ask(self, question: Callable[[], Coroutine[Any, Any, Answer]]) -> Answer:
        """Until it is answered."""
        for _ in range(ATTEMPTS):
            try:
                return await self._wait_for(question())
            except VenueUnavailable:
                await self.pass_time(1)
        raise AssertionError("the venue never answered")

    # Time

    def window(self) -> SendWindow:
        now = self._clock.now()
        return SendWindow(sent_at=now, valid_until=now + WINDOW)

    async def pass_time(self, seconds: float) -> None:
        """Let it pass in small steps, so that what happens in it happens in its order."""
        async with self._passing:
            for _ in range(10):
                await self._clock.advance(seconds / 10)
                for _ in range(10):
                    await asyncio.sleep(0)

    # Details

    async def _ids_of(self, order: VenueOrder) -> set[str]:
        state = await self.state(order.client_order_id, order.account_id)
        return set() if isinstance(state, Absent) else {state.venue_order_id}

    async def _resolved(
        self, outcome: Outcome, order: VenueOrder, before: set[str]
    ) -> Accepted | Rejected | None:
        """What became of it; None if it is not at the venue and will not be."""
        if not isinstance(outcome, Ambiguous):
            return outcome
        await self.pass_time(PATIENCE)
        state = await self.state(order.client_order_id, order.account_id)
        if isinstance(state, Absent) or state.venue_order_id in before:
            return None
        return Accepted(state.venue_order_id, state.at)

    async def _insist(
        self,
        send: Callable[[], Coroutine[Any, Any, Outcome]],
        client_order_id: str,
        account_id: str,
        is_done: Callable[[OrderState], bool],
    ) -> Accepted | Rejected:
        for _ in range(ATTEMPTS):
            outcome = await self._wait_for(send())
            if not isinstance(outcome, Ambiguous):
                return outcome
            await self.pass_time(PATIENCE)
            state = await self.state(client_order_id, account_id)
            if isinstance(state, OrderState) and is_done(state):
                return Accepted(state.venue_order_id, state.at)
        raise AssertionError(f"the request for {client_order_id} did not get through")

    def _noted(self, account_id: str, outcome: Accepted | Rejected) -> Accepted | Rejected:
        if isinstance(outcome, Accepted):
            self.accepted_ids[outcome.venue_order_id] = account_id
        return outcome

    async def _once(self, request: Coroutine[Any, Any, Outcome], account_id: str) -> Outcome:
        outcome = await self._wait_for(request)
        if isinstance(outcome, Ambiguous):
            await self.pass_time(PATIENCE)
            return outcome
        return self._noted(account_id, outcome)

    async def _wait_for(self, request: Coroutine[Any, Any, Answer]) -> Answer:
        if not self._bad_network:
            return await request
        task = asyncio.create_task(request)
        while not task.done():
            await self.pass_time(0.1)
        return await task


def has_values(state: OrderState, change: Amendment) -> bool:
    """True if the order has the values an amendment asks for."""
    asked = {name: getattr(change, name) for name in change.__struct_fields__}
    return all(
        value is None or getattr(state.terms, name) == value for name, value in asked.items()
    )


async def accepted(outcome: Awaitable[Outcome]) -> Accepted:
    answer = await outcome
    assert isinstance(answer, Accepted), answer
    return answer


async def rejected(outcome: Awaitable[Outcome]) -> Rejected:
    answer = await outcome
    assert isinstance(answer, Rejected), answer
    assert answer.code
    assert answer.reason
    return answer
