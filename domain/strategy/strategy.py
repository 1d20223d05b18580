"""A strategy: what it is, whom it trades for, and whether it may."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from domain.aggregate import Aggregate
from domain.errors import Conflict, Refused
from domain.risk.risk_limits import RiskLimits
from domain.strategy.events import (
    StrategyActivated,
    StrategyAssigned,
    StrategyDeactivated,
    StrategyDefined,
    StrategyParametersChanged,
    StrategyUnassigned,
)

REQUIRED_LIMITS = (
    "allowed_symbols",
    "max_order_quantity",
    "max_order_value",
    "max_position",
    "max_messages_per_second",
)
"""What RTS 6 Article 8 wants set before a deployment."""


class Strategy(Aggregate):
    """Definition, assignments and activation. Its limits are the scope ``strategy:ID``."""

    category: ClassVar[str] = "strategy"

    name: str
    kind: str
    parameters: dict[str, str]
    author: str
    accounts: set[str]
    active: bool

    def _start(self) -> None:
        self.accounts = set()
        self.active = False

    def define(
        self,
        name: str,
        kind: str,
        parameters: Mapping[str, str],
        author: str,
        now: datetime,
    ) -> None:
        """Raises Conflict ``strategy_exists``."""
        if self.exists:
            raise Conflict("strategy_exists", f"strategy {self.id} is defined already")
        self.trigger_event(
            StrategyDefined,
            timestamp=now,
            name=name,
            kind=kind,
            parameters=dict(parameters),
            author=author,
        )

    def change_parameters(self, parameters: Mapping[str, str], author: str, now: datetime) -> None:
        self._require_defined()
        if dict(parameters) != self.parameters:
            self.trigger_event(
                StrategyParametersChanged,
                timestamp=now,
                parameters=dict(parameters),
                previous=self.parameters,
                author=author,
            )

    def assign(self, account_id: str, now: datetime) -> None:
        self._require_defined()
        if account_id not in self.accounts:
            self.trigger_event(StrategyAssigned, timestamp=now, account_id=account_id)

    def unassign(self, account_id: str, now: datetime) -> None:
        if account_id in self.accounts:
            self.trigger_event(StrategyUnassigned, timestamp=now, account_id=account_id)

    def activate(self, reviewer: str, limits: RiskLimits, now: datetime) -> None:
        """Raises Refused ``same_reviewer``, ``limits_missing``."""
        self._require_defined()
        if self.active:
            return
        if reviewer == self.author:
            raise Refused("same_reviewer", "the author of a strategy cannot review it")
        missing = [name for name in REQUIRED_LIMITS if getattr(limits.limits, name) is None]
        if missing:
            raise Refused(
                "limits_missing", f"set {', '.join(missing)} for strategy:{self.id} first"
            )
        self.trigger_event(
            StrategyActivated, timestamp=now, reviewer=reviewer, limits_version=limits.version
        )

    def deactivate(self, reason: str, now: datetime) -> None:
        if self.active:
            self.trigger_event(StrategyDeactivated, timestamp=now, reason=reason)

    def _require_defined(self) -> None:
        if not self.exists:
            raise Conflict("strategy_not_defined", f"strategy {self.id} is not defined")
