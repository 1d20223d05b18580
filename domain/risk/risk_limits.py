"""The limits in force in one scope, and whether trading goes on there."""

from datetime import datetime
from typing import ClassVar

from domain.aggregate import Aggregate
from domain.errors import Conflict
from domain.risk.events import (
    RiskLimitsSet,
    TradingHalted,
    TradingHaltRequested,
    TradingReduced,
    TradingResumed,
)
from domain.risk.limits import Limits
from domain.risk.trading_state import TradingState

SYSTEM_SCOPE = "system"


class RiskLimits(Aggregate):
    """The limits and the trading state of a scope: system, account:ID, client:ID or strategy:ID."""

    category: ClassVar[str] = "risk"

    limits: Limits
    state: TradingState
    state_reason: str | None
    changes: dict[str, object]
    halt_confirmed: bool
    halt_id: str | None

    def _start(self) -> None:
        self.limits = Limits()
        self.state = TradingState.ACTIVE
        self.state_reason = None
        self.changes = {}
        self.halt_confirmed = False
        self.halt_id = None

    def set_limits(self, change_id: str, limits: Limits, reason: str, now: datetime) -> None:
        """Replace all limits of the scope; the same change again changes nothing.

        Raises InvalidInput ``negative_limit``, Conflict ``idempotency_key_reused``.
        """
        limits.check()
        if self._is_repeated(change_id, limits):
            return
        self.trigger_event(
            RiskLimitsSet,
            timestamp=now,
            scope=self.id,
            change_id=change_id,
            limits=limits,
            previous=self.limits,
            reason=reason,
        )

    def halt(self, change_id: str, reason: str, now: datetime) -> None:
        """Let nothing new out. Halting what is halted records that it was asked for again."""
        if not self._is_repeated(change_id, (TradingState.HALTED, reason)):
            self.trigger_event(
                TradingHaltRequested,
                timestamp=now,
                scope=self.id,
                change_id=change_id,
                reason=reason,
            )

    def confirm_halt(self, now: datetime) -> None:
        """Record that no intent to send can follow; nothing if no halt waits for that."""
        if self.state is TradingState.HALTED and not self.halt_confirmed:
            self.trigger_event(
                TradingHalted,
                timestamp=now,
                scope=self.id,
                change_id=self.halt_id,
                reason=self.state_reason,
            )

    def reduce(self, change_id: str, reason: str, now: datetime) -> None:
        """Let only orders out that make positions smaller.

        Raises Conflict ``trading_halted``: only a resume leaves a halt.
        """
        if self._is_repeated(change_id, (TradingState.REDUCING, reason)):
            return
        if self.state is TradingState.HALTED:
            raise Conflict("trading_halted", f"{self.id} is halted; resume it first")
        self.trigger_event(
            TradingReduced, timestamp=now, scope=self.id, change_id=change_id, reason=reason
        )

    def resume(self, change_id: str, reason: str, now: datetime) -> None:
        """Let orders out again. Raises Conflict ``not_halted``."""
        if self._is_repeated(change_id, (TradingState.ACTIVE, reason)):
            return
        if self.state is TradingState.ACTIVE:
            raise Conflict("not_halted", f"trading in {self.id} is active")
        self.trigger_event(
            TradingResumed, timestamp=now, scope=self.id, change_id=change_id, reason=reason
        )

    # Changes, called by events only

    def enter(self, state: TradingState, change_id: str, reason: str) -> None:
        self.state = state
        self.state_reason = reason
        self.halt_id = change_id if state is TradingState.HALTED else None
        self.changes[change_id] = (state, reason)

    # Details

    def _is_repeated(self, change_id: str, change: object) -> bool:
        if change_id not in self.changes:
            return False
        if self.changes[change_id] != change:
            raise Conflict("idempotency_key_reused", f"change {change_id} was another one")
        return True
