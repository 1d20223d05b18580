"""The gate between the decision and the wire: what was halted since is not sent."""

import asyncio
from datetime import timedelta

import msgspec

from domain.account.account import Account
from domain.clock import Clock
from domain.controls.reducing import only_reduces
from domain.order.order import Order
from domain.order.terms import OrderTerms
from domain.risk.risk_book import RiskBook
from domain.risk.risk_limits import RiskLimits
from domain.risk.trading_state import TradingState

LIMITS_POLL = timedelta(milliseconds=50)
"""Between looks at limits that are not known yet."""


class Withheld(msgspec.Struct, frozen=True):
    """Why an order is not sent."""

    code: str
    reason: str


class TradingGate:
    """Counts the intents that are under way, so that a halt can wait for them.

    ``suspend`` an account that could not be compared with the venue; ``admit`` it again after.
    ``note`` what an account is like whenever it is looked at: only where it, or a scope, reduces
    must it be looked at again for an order.
    """

    def __init__(self, risk_book: RiskBook, clock: Clock) -> None:
        self._risk_book = risk_book
        self._clock = clock
        self._suspended: dict[str, str] = {}
        self._reducing: set[str] = set()
        self._under_way: dict[str, frozenset[str]] = {}
        self._left = asyncio.Event()

    def suspend(self, account_id: str, reason: str) -> None:
        self._suspended[account_id] = reason

    def admit(self, account_id: str) -> None:
        self._suspended.pop(account_id, None)

    def is_suspended(self, account_id: str) -> bool:
        return account_id in self._suspended

    def note(self, account: Account) -> None:
        if account.trading_state is TradingState.ACTIVE:
            self._reducing.discard(account.id)
        else:
            self._reducing.add(account.id)

    async def until_known(self) -> None:
        """Wait until the limits are current: nothing is sent on what may be old."""
        while not self._risk_book.is_current:
            await self._clock.sleep(LIMITS_POLL.total_seconds())

    async def until_heard(self, scope: str, version: int) -> None:
        """Wait until the limits of a scope are known up to a version of its stream."""
        while self._risk_book.scope(scope).version < version:
            await self._clock.sleep(LIMITS_POLL.total_seconds())

    def refusal(self, order: Order) -> Withheld | None:
        """What stands against sending any order like this now."""
        for scope in self._scopes(order):
            if scope.state is TradingState.HALTED:
                return Withheld("trading_halted", f"{scope.id}: {scope.state_reason}")
        reason = self._suspended.get(order.account_id)
        return Withheld("account_not_reconciled", reason) if reason is not None else None

    def may_reduce(self, order: Order) -> bool:
        """False where no scope reduces, and the account did not when it was last looked at."""
        return order.account_id in self._reducing or any(
            scope.state is TradingState.REDUCING for scope in self._scopes(order)
        )

    def reduction(self, order: Order, terms: OrderTerms, account: Account) -> Withheld | None:
        """What stands against an order on these terms unless it makes a position smaller.

        The rule is the one at the placing, on the account as it is now; a reduce-only order passes,
        as the venue sees to it.
        """
        reason = self._why_reducing(order, account)
        open_quantity = terms.quantity - order.cum_quantity
        if reason is None or terms.reduce_only:
            return None
        if only_reduces(account, order.id, terms, open_quantity):
            return None
        return Withheld("trading_reducing", reason)

    def begin(self, order: Order) -> None:
        """An intent to send the order is being appended; until ``end``, whatever happens."""
        self._under_way[order.id] = frozenset(scope.id for scope in self._scopes(order))

    def end(self, order_id: str) -> None:
        """It is known whether there is an intent to send the order: none is on its way any more."""
        self._under_way.pop(order_id, None)
        self._left.set()

    async def until_clear(self, scope: str) -> None:
        """Wait until no intent of a scope is under way; those that come after see the halt."""
        while any(scope in scopes for scopes in self._under_way.values()):
            self._left.clear()
            await self._left.wait()

    def _why_reducing(self, order: Order, account: Account) -> str | None:
        for scope in self._scopes(order):
            if scope.state is TradingState.REDUCING:
                return f"{scope.id}: {scope.state_reason}"
        state = account.trading_state
        return None if state is TradingState.ACTIVE else f"the account is {state}"

    def _scopes(self, order: Order) -> tuple[RiskLimits, ...]:
        return self._risk_book.scopes_of(order.client_id, order.account_id, order.strategy_id)
