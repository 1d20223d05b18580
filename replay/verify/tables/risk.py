"""The table risk: limits and trading state of every scope."""

import msgspec

from domain.event import Event
from domain.log import RecordedEvent
from domain.risk.events import RiskEvent
from domain.risk.risk_limits import RiskLimits
from domain.risk.trading_state import TradingState
from replay.verify.live_tables import Row
from replay.verify.tables.table import Table


class Scope(msgspec.Struct):
    risk: RiskLimits
    position: int = 0


class RiskFold:
    category = RiskLimits.category

    def __init__(self) -> None:
        self._risk = Table("risk", ("scope",), _row)
        self.tables = (self._risk,)

    def apply(self, recorded: RecordedEvent, event: Event) -> None:
        if not isinstance(event, RiskEvent):
            raise TypeError(f"{recorded.type} in the stream of a scope")
        name = event.originator_id
        scope = self._risk.items.get((name,)) or Scope(RiskLimits.empty(name))
        event.mutate(scope.risk)
        scope.position = recorded.position
        self._risk.items[name,] = scope


def _row(scope: Scope) -> Row:
    risk = scope.risk
    return {
        "scope": risk.id,
        "state": risk.state.value,
        "reason": risk.state_reason,
        "halt_confirmed": risk.halt_confirmed if risk.state is TradingState.HALTED else None,
        "limits": msgspec.json.decode(msgspec.json.encode(risk.limits)),
        "version": risk.version,
        "updated_at": risk.modified_on,
        "position": scope.position,
    }
