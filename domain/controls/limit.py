"""How a control turns a measure and the scopes' limits into verdicts."""

from collections.abc import Callable, Iterator
from decimal import Decimal

from domain.risk.limits import Limits
from domain.risk.risk_limits import RiskLimits
from domain.risk.verdict import Verdict

UNSCOPED = "-"
"""The scope of a verdict that no scope's limit decides."""

Number = Decimal | int


def at_most(
    control: str,
    measured: Number,
    scopes: tuple[RiskLimits, ...],
    limit_of: Callable[[Limits], Number | None],
    code: str,
) -> Iterator[Verdict]:
    """One verdict for each scope that sets the limit: the measure must not exceed it.

    Where none does, the measure is recorded all the same.
    """
    limited = False
    for scope in scopes:
        limit = limit_of(scope.limits)
        if limit is not None:
            limited = True
            yield verdict(control, scope, limit, measured, code, passed=measured <= limit)
    if not limited:
        yield unscoped(control, None, measured, code, passed=True)


def verdict(
    control: str, scope: RiskLimits, limit: object, measured: object, code: str, *, passed: bool
) -> Verdict:
    """A verdict under one scope's limit."""
    return Verdict(
        control=control,
        passed=passed,
        scope=scope.id,
        limit_version=scope.version,
        limit=text(limit),
        measured=text(measured),
        code=None if passed else code,
        message=None
        if passed
        else f"{control.replace('_', ' ')}: {text(measured)} against {text(limit)} ({scope.id})",
    )


def unscoped(control: str, limit: object, measured: object, code: str, *, passed: bool) -> Verdict:
    """A verdict that holds whatever the scopes say."""
    return Verdict(
        control=control,
        passed=passed,
        scope=UNSCOPED,
        limit_version=0,
        limit=text(limit),
        measured=text(measured),
        code=None if passed else code,
        message=None
        if passed
        else f"{control.replace('_', ' ')}: {text(measured)} against {text(limit)}",
    )


def text(value: object) -> str | None:
    """A limit or measure as it is recorded: decimals in plain notation."""
    if value is None:
        return None
    return format(value, "f") if isinstance(value, Decimal) else str(value)
