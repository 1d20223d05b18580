"""Trading state: halted lets nothing out, reducing only what makes a position smaller."""

from collections.abc import Iterator

from domain.controls.check import OrderCheck
from domain.controls.limit import unscoped, verdict
from domain.risk.risk_limits import SYSTEM_SCOPE
from domain.risk.trading_state import TradingState
from domain.risk.verdict import Verdict

CONTROL = "trading_state"


def trading_state(check: OrderCheck) -> Iterator[Verdict]:
    """Fails closed: without current limits, or with none for the system, nothing goes out."""
    system = next((s for s in check.scopes if s.id == SYSTEM_SCOPE), None)
    known = check.scopes_are_current and system is not None and system.exists
    yield unscoped(CONTROL, "limits in force", _knowledge(known), "limits_unknown", passed=known)
    own = check.account.trading_state
    yield unscoped(
        CONTROL, "account reconciled", f"account {own}", _CODES[own], passed=_admits(own, check)
    )
    for scope in check.scopes:
        yield verdict(
            CONTROL,
            scope,
            scope.state,
            "reducing" if check.is_reducing else "opening",
            _CODES[scope.state],
            passed=_admits(scope.state, check),
        )


def _admits(state: TradingState, check: OrderCheck) -> bool:
    if state is TradingState.REDUCING:
        return check.is_reducing
    return state is TradingState.ACTIVE


def _knowledge(known: bool) -> str:
    return "limits in force" if known else "limits not known"


_CODES = {
    TradingState.ACTIVE: "trading_halted",
    TradingState.REDUCING: "trading_reducing",
    TradingState.HALTED: "trading_halted",
}
