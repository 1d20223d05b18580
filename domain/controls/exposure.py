"""Maximum position and total exposure, as if every working and unknown order filled."""

from collections.abc import Iterator
from decimal import Decimal

from domain.controls.check import OrderCheck
from domain.controls.limit import at_most
from domain.decimals import ZERO
from domain.order.terms import Side
from domain.risk.risk_limits import RiskLimits
from domain.risk.verdict import Verdict


def position(check: OrderCheck) -> Iterator[Verdict]:
    """The largest position in the instrument that could come about, on the order's side."""
    sign = check.terms.side.sign
    opening = ZERO if check.terms.reduce_only else check.quantity
    others = check.open_side(check.terms.symbol, check.terms.side).opening
    reached = check.account.position_quantity(check.terms.symbol) * sign + opening + others
    return at_most(
        "position",
        max(reached, ZERO),
        _unless_reducing(check),
        lambda limits: limits.max_position,
        "max_position_exceeded",
    )


def exposure(check: OrderCheck) -> Iterator[Verdict]:
    """Cost of all positions, each with the worse of its two sides' orders filled."""
    return at_most(
        "exposure",
        sum((_worst_value(check, symbol) for symbol in _symbols(check)), ZERO),
        _unless_reducing(check),
        lambda limits: limits.max_exposure,
        "max_exposure_exceeded",
    )


def _unless_reducing(check: OrderCheck) -> tuple[RiskLimits, ...]:
    return () if check.is_reducing else check.scopes


def _symbols(check: OrderCheck) -> set[str]:
    account = check.account
    return account.reservations.symbols() | set(account.positions) | {check.terms.symbol}


def _worst_value(check: OrderCheck, symbol: str) -> Decimal:
    held = check.account.positions.get(symbol)
    cost = held.cost if held else ZERO
    return max(
        abs(cost + _open_value(check, symbol, Side.BUY)),
        abs(cost - _open_value(check, symbol, Side.SELL)),
    )


def _open_value(check: OrderCheck, symbol: str, side: Side) -> Decimal:
    own = symbol == check.terms.symbol and side is check.terms.side and not check.terms.reduce_only
    return check.open_side(symbol, side).value + (check.value if own else ZERO)
