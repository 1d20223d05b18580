"""Every execution goes back to an intent, a decision and its controls; every settlement to one.

An order trades because it was placed after every control passed, and was sent under an intent.
What the account settles must be an execution of that order, under the same trade id and number.
"""

import msgspec

from domain.account.events import Settlement
from domain.order.events import (
    FillBusted,
    OrderEvent,
    OrderFilled,
    OrderPlaced,
    OrderRefused,
    OrderSubmitting,
)
from domain.risk.verdict import Verdict
from replay.verify.checks.check import finding
from replay.verify.fact import Fact
from replay.verify.finding import Finding


class Trail(msgspec.Struct):
    """What the log has of an order so far. ``trades`` holds the trade ids by execution number,
    until they are settled."""

    placed: bool = False
    intended: bool = False
    doubt: str | None = None
    trades: dict[int, str] = msgspec.field(default_factory=dict)


class ExecutionsCheck:
    """Remembers a trail for each order."""

    name = "executions are traceable"

    def __init__(self) -> None:
        self.examined = 0
        self._orders: dict[str, Trail] = {}

    def note(self, fact: Fact) -> Finding | None:
        event = fact.event
        if isinstance(event, OrderEvent):
            trail = self._orders.setdefault(event.originator_id, Trail())
            return self._note_order(fact, event, trail)
        if isinstance(event, Settlement):
            return self._check_settlement(fact, event)
        return None

    def finish(self) -> tuple[Finding, ...]:
        return ()

    def _note_order(self, fact: Fact, event: OrderEvent, trail: Trail) -> Finding | None:
        match event:
            case OrderPlaced():
                trail.placed, trail.doubt = True, _doubt_about(event.verdicts)
            case OrderRefused():
                trail.doubt = "the order was refused"
            case OrderSubmitting():
                trail.intended = True
            case OrderFilled():
                trail.trades[event.execution_number] = event.trade_id
                return self._check(fact, event.trade_id, trail)
            case FillBusted():
                trail.trades[event.execution_number] = event.fill.trade_id
                return self._check(fact, event.fill.trade_id, trail)
            case _:
                pass
        return None

    def _check(self, fact: Fact, trade_id: str, trail: Trail) -> Finding | None:
        self.examined += 1
        if trail.doubt is not None:
            return finding(fact, f"trade {trade_id}: {trail.doubt}")
        if not trail.placed:
            return finding(fact, f"trade {trade_id}: no decision placed the order")
        if not trail.intended:
            return finding(fact, f"trade {trade_id}: no intent to send the order comes before it")
        return None

    def _check_settlement(self, fact: Fact, event: Settlement) -> Finding | None:
        self.examined += 1
        trail = self._orders.get(event.order_id)
        trade = trail.trades.pop(event.execution_number, None) if trail else None
        if trade == event.trade_id:
            return None
        execution = f"execution {event.execution_number} of order {event.order_id}"
        if trade is None:
            return finding(fact, f"it settles {execution}, which the log does not have")
        return finding(fact, f"it settles {execution} as trade {event.trade_id}, it is {trade}")


def _doubt_about(verdicts: tuple[Verdict, ...]) -> str | None:
    if not verdicts:
        return "the order was placed without a verdict of any control"
    failed = next((verdict for verdict in verdicts if not verdict.passed), None)
    return None if failed is None else f"the order was placed though {failed.control} failed"
