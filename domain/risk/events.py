"""What can happen to the limits and the trading state of a scope."""

from typing import TYPE_CHECKING

from domain.event import Event, event_type
from domain.risk.limits import Limits
from domain.risk.trading_state import TradingState

if TYPE_CHECKING:
    from domain.risk.risk_limits import RiskLimits


class RiskEvent(Event, frozen=True, kw_only=True):
    """Base of the events of a risk stream. ``change_id`` makes a repeated request the same one."""

    scope: str
    change_id: str
    reason: str

    def apply(self, aggregate: "RiskLimits") -> None:
        raise NotImplementedError


@event_type
class RiskLimitsSet(RiskEvent, frozen=True, kw_only=True):
    """All limits of the scope were replaced; the old ones are kept beside the new."""

    limits: Limits
    previous: Limits

    def apply(self, aggregate: "RiskLimits") -> None:
        aggregate.limits = self.limits
        aggregate.changes[self.change_id] = self.limits


@event_type
class TradingHaltRequested(RiskEvent, frozen=True, kw_only=True):
    """A halt in force for every decision from here on.

    Orders decided before may still be on their way: the leading execution worker stops them, and
    records TradingHalted when no intent can follow.
    """

    def apply(self, aggregate: "RiskLimits") -> None:
        aggregate.enter(TradingState.HALTED, self.change_id, self.reason)
        aggregate.halt_confirmed = False


@event_type
class TradingHalted(RiskEvent, frozen=True, kw_only=True):
    """Nothing new goes out, and no intent to send stands after this in the log; cancels do go."""

    def apply(self, aggregate: "RiskLimits") -> None:
        aggregate.enter(TradingState.HALTED, self.change_id, self.reason)
        aggregate.halt_confirmed = True


@event_type
class TradingReduced(RiskEvent, frozen=True, kw_only=True):
    """Only orders that make positions smaller go out."""

    def apply(self, aggregate: "RiskLimits") -> None:
        aggregate.enter(TradingState.REDUCING, self.change_id, self.reason)


@event_type
class TradingResumed(RiskEvent, frozen=True, kw_only=True):
    """Orders go out again."""

    def apply(self, aggregate: "RiskLimits") -> None:
        aggregate.enter(TradingState.ACTIVE, self.change_id, self.reason)
