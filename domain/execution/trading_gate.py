"""The gate between the decision and the wire: what was halted since is not sent."""

import asyncio
from datetime import timedelta

import msgspec

from domain.clock import Clock
from domain.order.order import Order
from domain.risk.risk_book import RiskBook
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
    """

    def __init__(self, risk_book: RiskBook, clock: Clock) -> None:
        self._risk_book = risk_book
        self._clock = clock
        self._suspended: dict[str, str] = {}
        self._under_way: dict[str, frozenset[str]] = {}
        self._left = asyncio.Event()

    def suspend(self, account_id: str, reason: str) -> None:
        self._suspended[account_id] = reason

    def admit(self, account_id: str) -> None:
        self._suspended.pop(account_id, None)

    def is_suspended(self, account_id: str) -> bool:
        return account_id in self._suspended

    async def until_known(self) -> None:
        """Wait until the limits are current: nothing is sent on what may be old."""
        while not self._risk_book.is_current:
            await self._clock.sleep(LIMITS_POLL.total_seconds())

    async def until_heard(self, scope: str, version: int) -> None:
        """Wait until the limits of a scope are known up to a version of its stream."""
        while self._risk_book.scope(scope).version < version:
            await self._clock.sleep(LIMITS_POLL.total_seconds())

    def refusal(self, order: Order) -> Withheld | None:
        """What stands against sending an order now."""
        for scope in self._scopes(order):
            limits = self._risk_book.scope(scope)
            if limits.state is TradingState.HALTED:
                return Withheld("trading_halted", f"{scope}: {limits.state_reason}")
        reason = self._suspended.get(order.account_id)
        return Withheld("account_not_reconciled", reason) if reason is not None else None

    def begin(self, order: Order) -> None:
        """An intent to send the order is being appended; until ``end``, whatever happens."""
        self._under_way[order.id] = frozenset(self._scopes(order))

    def end(self, order_id: str) -> None:
        """It is known whether there is an intent to send the order: none is on its way any more."""
        self._under_way.pop(order_id, None)
        self._left.set()

    async def until_clear(self, scope: str) -> None:
        """Wait until no intent of a scope is under way; those that come after see the halt."""
        while any(scope in scopes for scopes in self._under_way.values()):
            self._left.clear()
            await self._left.wait()

    def _scopes(self, order: Order) -> tuple[str, ...]:
        scopes = self._risk_book.scopes_of(order.client_id, order.account_id, order.strategy_id)
        return tuple(scope.id for scope in scopes)
