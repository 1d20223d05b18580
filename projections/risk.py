"""Limits and trading state of every scope as they are now."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from domain.risk.events import RiskEvent
from domain.risk.limits import Limits
from domain.risk.risk_limits import RiskLimits
from domain.risk.trading_state import TradingState
from projections.projection import Changes, Fact, Loaded, Projection, Wanted
from projections.table import Table


class RiskRow(msgspec.Struct, frozen=True):
    """``reason`` is that of the trading state; ``halt_confirmed`` is null where it is no halt."""

    scope: str
    state: TradingState
    reason: str | None
    halt_confirmed: bool | None
    limits: Limits
    version: int
    updated_at: datetime
    position: int


RISK = Table("risk", RiskRow, ("scope",), loaded_by_type="text")


class RiskFold:
    """Folds with the domain's own aggregate."""

    def __init__(self) -> None:
        self._scopes: dict[str, RiskLimits] = {}
        self._changed: dict[str, int] = {}

    @property
    def known(self) -> int:
        return len(self._scopes)

    def wanted(self, facts: Sequence[Fact]) -> Sequence[Wanted]:
        return [Wanted(RISK, {f.event.originator_id for f in facts} - self._scopes.keys())]

    def take(self, loaded: Loaded) -> None:
        for row in loaded.rows(RISK):
            risk = RiskLimits.empty(row.scope)
            risk.limits = row.limits
            risk.state = row.state
            risk.state_reason = row.reason
            risk.halt_confirmed = row.halt_confirmed or False
            risk.version = row.version
            self._scopes[row.scope] = risk

    def apply(self, fact: Fact) -> None:
        event = fact.event
        if not isinstance(event, RiskEvent):
            raise TypeError(f"{fact.recorded.type} in the stream of a risk scope")
        scope = event.originator_id
        if scope not in self._scopes:
            self._scopes[scope] = RiskLimits.empty(scope)
        event.mutate(self._scopes[scope])
        self._changed[scope] = fact.recorded.position

    def changes(self) -> Sequence[Changes]:
        rows = [_row(self._scopes[scope], at) for scope, at in self._changed.items()]
        self._changed = {}
        return [Changes(RISK, rows)]


def _row(risk: RiskLimits, position: int) -> RiskRow:
    return RiskRow(
        scope=risk.id,
        state=risk.state,
        reason=risk.state_reason,
        halt_confirmed=risk.halt_confirmed if risk.state is TradingState.HALTED else None,
        limits=risk.limits,
        version=risk.version,
        updated_at=risk.modified_on,
        position=position,
    )


RISK_PROJECTION = Projection(
    name="risk",
    version=2,
    categories=frozenset({RiskLimits.category}),
    tables=(RISK,),
    fold=RiskFold,
    file="risk.sql",
)
