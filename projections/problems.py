"""Problems: what did not go as it should and that somebody must know of, one row each."""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from domain.account.events import (
    BalanceAdjusted,
    ExternalOrderFound,
    ExternalPositionFound,
    OcoBothFilled,
    PositionAdjusted,
    ReconciliationFailed,
)
from domain.event import Event
from domain.session.events import VenueDataProblem
from projections.projection import Fact
from projections.table import Table


class ProblemKind(StrEnum):
    """What is wrong; the words are those of the API."""

    VENUE_DATA = "venue_data"
    EXTERNAL_ORDER = "external_order"
    EXTERNAL_POSITION = "external_position"
    BALANCE_ADJUSTED = "balance_adjusted"
    RECONCILIATION_FAILED = "reconciliation_failed"
    OCO_BOTH_FILLED = "oco_both_filled"


class ProblemRow(msgspec.Struct, frozen=True, gc=False):
    """``raw`` is all that the venue said, where that is the problem; ``code`` is stable."""

    position: int
    at: datetime
    kind: ProblemKind
    stream: str
    account_id: str | None
    code: str | None
    reason: str
    raw: str | None


PROBLEMS = Table("problems", ProblemRow, ("position",), published_as="problems", appended=True)


class Finding(msgspec.Struct, frozen=True):
    """What a kind of event says of a problem."""

    kind: ProblemKind
    account_id: str | None
    reason: str
    code: str | None = None
    raw: str | None = None


def problem_row(fact: Fact) -> ProblemRow:
    """Raises KeyError for an event that is no problem."""
    recorded, event = fact
    found = _FINDINGS[type(event)](event)
    return ProblemRow(
        position=recorded.position,
        at=event.timestamp,
        kind=found.kind,
        stream=recorded.stream,
        account_id=found.account_id,
        code=found.code,
        reason=found.reason,
        raw=found.raw,
    )


def _venue_data(event: VenueDataProblem) -> Finding:
    return Finding(ProblemKind.VENUE_DATA, None, event.reason, event.code, event.raw)


def _external_order(event: ExternalOrderFound) -> Finding:
    terms = event.terms
    return Finding(
        ProblemKind.EXTERNAL_ORDER,
        event.originator_id,
        f"the venue works order {event.venue_order_id} ({event.client_order_id or 'no client id'}),"
        f" {terms.side} {terms.quantity:f} {terms.symbol} {terms.type},"
        f" {event.cum_quantity:f} filled",
    )


def _unknown_position(event: ExternalPositionFound) -> Finding:
    return Finding(
        ProblemKind.EXTERNAL_POSITION,
        event.originator_id,
        f"{event.symbol}, which is not traded here: found {event.quantity:f}",
    )


def _external_position(event: PositionAdjusted) -> Finding:
    return Finding(
        ProblemKind.EXTERNAL_POSITION,
        event.originator_id,
        f"{event.symbol}: believed {event.believed_quantity:f}, found {event.found_quantity:f}",
    )


def _balance(event: BalanceAdjusted) -> Finding:
    return Finding(
        ProblemKind.BALANCE_ADJUSTED,
        event.originator_id,
        f"{event.asset}: believed {event.believed:f}, found {event.found:f}",
    )


def _reconciliation(event: ReconciliationFailed) -> Finding:
    return Finding(ProblemKind.RECONCILIATION_FAILED, event.originator_id, event.reason)


def _both_filled(event: OcoBothFilled) -> Finding:
    return Finding(
        ProblemKind.OCO_BOTH_FILLED,
        event.originator_id,
        f"orders {event.order_id} and {event.linked_order_id} of one pair were both executed,"
        f" {event.quantity:f} of each",
    )


_FINDINGS: Mapping[type[Event], Callable[[Any], Finding]] = {
    VenueDataProblem: _venue_data,
    ExternalOrderFound: _external_order,
    ExternalPositionFound: _unknown_position,
    PositionAdjusted: _external_position,
    BalanceAdjusted: _balance,
    ReconciliationFailed: _reconciliation,
    OcoBothFilled: _both_filled,
}

PROBLEM_EVENTS: frozenset[type[Event]] = frozenset(_FINDINGS)
