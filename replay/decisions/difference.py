"""What a decision says now against what it said then, control by control."""

from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation

import msgspec

from domain.controls.limit import UNSCOPED, text
from domain.risk.verdict import Verdict
from domain.use_cases.decision import Decision
from replay.decisions.recorded_decision import PASSED, Identity, RecordedDecision

WORST_PRICE = "worst_price"
"""Stands beside the controls: what is reserved depends on it."""

Key = tuple[str, str, int]


class Finding(msgspec.Struct, frozen=True):
    """One verdict, numbers without trailing zeros; ``code`` is why it failed."""

    passed: bool
    measured: str | None
    limit: str | None
    limit_version: int
    code: str | None


class ControlDifference(msgspec.Struct, frozen=True):
    """None where the control gave no such verdict."""

    control: str
    scope: str
    then: Finding | None
    now: Finding | None


class Difference(msgspec.Struct, frozen=True):
    """``then`` and ``now`` are ``passed``, or the code of the first control that failed.

    ``then`` is what came of it: an order that was placed though a control failed had ``passed``.
    """

    decision: Identity
    then: str
    now: str
    controls: tuple[ControlDifference, ...]


def difference(recorded: RecordedDecision, decision: Decision) -> Difference | None:
    """Anything that is not as it was recorded, also where the outcome is the same."""
    is_same = recorded.verdicts == decision.verdicts and recorded.outcome == _outcome(decision)
    if is_same and not any(_price(recorded, decision)):
        return None  # as nearly all are, and telling differences apart takes its time
    found = _difference(recorded, decision)
    return found if found.controls or found.then != found.now else None


def turned(recorded: RecordedDecision, decision: Decision) -> Difference | None:
    """Only whether it passes, with the controls that make it so."""
    if recorded.passed is decision.passed:
        return None
    found = _difference(recorded, decision)
    decisive = tuple(each for each in found.controls if _is_turned(each, recorded))
    return msgspec.structs.replace(found, controls=decisive)


def _difference(recorded: RecordedDecision, decision: Decision) -> Difference:
    then, now = _by_control(recorded.verdicts), _by_control(decision.verdicts)
    controls = [ControlDifference(*key[:2], then.get(key), now.get(key)) for key in then | now]
    differing = [each for each in controls if each.then != each.now or _is_turned(each, recorded)]
    return Difference(
        decision=recorded.identity,
        then=recorded.outcome,
        now=_outcome(decision),
        controls=(*differing, *_price(recorded, decision)),
    )


def _is_turned(control: ControlDifference, recorded: RecordedDecision) -> bool:
    """True if it stands in the way now and did not then, or the other way round."""
    stood = _fails(control.then) and not recorded.passed
    return stood is not _fails(control.now)


def _by_control(verdicts: Sequence[Verdict]) -> dict[Key, Finding]:
    """A control may give several verdicts in one scope: a price each."""
    found: dict[Key, Finding] = {}
    for verdict in verdicts:
        number = sum(key[:2] == (verdict.control, verdict.scope) for key in found)
        found[verdict.control, verdict.scope, number] = Finding(
            passed=verdict.passed,
            measured=_shortest(verdict.measured),
            limit=_shortest(verdict.limit),
            limit_version=verdict.limit_version,
            code=verdict.code,
        )
    return found


def _shortest(value: str | None) -> str | None:
    """A number without trailing zeros: how many there are depends on what was added up before."""
    if value is None:
        return None
    try:
        return format(Decimal(value).normalize(), "f")
    except InvalidOperation:
        return value


def _outcome(decision: Decision) -> str:
    if decision.passed:
        return PASSED
    return decision.first_failure.code or decision.first_failure.control


def _price(recorded: RecordedDecision, decision: Decision) -> Iterator[ControlDifference]:
    now = decision.terms_price if recorded.is_amendment else decision.worst_price
    if recorded.price is not None and recorded.price != now:
        yield ControlDifference(WORST_PRICE, UNSCOPED, _priced(recorded.price), _priced(now))


def _priced(price: Decimal) -> Finding:
    return Finding(
        passed=True, measured=_shortest(text(price)), limit=None, limit_version=0, code=None
    )


def _fails(finding: Finding | None) -> bool:
    return finding is not None and not finding.passed
