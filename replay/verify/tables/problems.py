"""The table problems: what did not go as it should, one row each, in words."""

from typing import NamedTuple

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
from replay.verify.fact import Fact
from replay.verify.live_tables import Row


class Problem(NamedTuple):
    kind: str
    reason: str
    code: str | None = None
    raw: str | None = None


class Problems:
    name = "problems"
    key = ("position",)

    def row(self, fact: Fact) -> Row | None:
        recorded, event = fact.recorded, fact.event
        problem = _problem(event)
        if problem is None or event is None:
            return None
        of_session = isinstance(event, VenueDataProblem)
        return {
            "position": recorded.position,
            "at": event.timestamp,
            "kind": problem.kind,
            "stream": recorded.stream,
            "account_id": None if of_session else event.originator_id,
            "code": problem.code,
            "reason": problem.reason,
            "raw": problem.raw,
        }


def _problem(event: Event | None) -> Problem | None:
    match event:
        case VenueDataProblem():
            return Problem("venue_data", event.reason, event.code, event.raw)
        case ReconciliationFailed():
            return Problem("reconciliation_failed", event.reason)
        case ExternalOrderFound():
            return Problem("external_order", _external_order(event))
        case OcoBothFilled():
            return Problem("oco_both_filled", _both_filled(event))
        case _:
            return _adjustment(event)


def _adjustment(event: Event | None) -> Problem | None:
    match event:
        case ExternalPositionFound():
            found = f"which is not traded here: found {event.quantity:f}"
            return Problem("external_position", f"{event.symbol}, {found}")
        case PositionAdjusted():
            found = f"believed {event.believed_quantity:f}, found {event.found_quantity:f}"
            return Problem("external_position", f"{event.symbol}: {found}")
        case BalanceAdjusted():
            found = f"believed {event.believed:f}, found {event.found:f}"
            return Problem("balance_adjusted", f"{event.asset}: {found}")
        case _:
            return None


def _external_order(event: ExternalOrderFound) -> str:
    terms = event.terms
    what = f"{terms.side.value} {terms.quantity:f} {terms.symbol} {terms.type.value}"
    client_id = event.client_order_id or "no client id"
    return (
        f"the venue works order {event.venue_order_id} ({client_id}), {what},"
        f" {event.cum_quantity:f} filled"
    )


def _both_filled(event: OcoBothFilled) -> str:
    return (
        f"orders {event.order_id} and {event.linked_order_id} of one pair were both executed,"
        f" {event.quantity:f} of each"
    )
