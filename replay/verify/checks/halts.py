"""Halts are kept: between TradingHalted and TradingResumed of a scope nothing of it is sent."""

from domain.order.events import OrderEvent, OrderPlaced, OrderSubmitting, OrderWithheld
from domain.risk.events import RiskEvent, TradingHalted, TradingResumed
from domain.risk.risk_limits import SYSTEM_SCOPE
from replay.verify.checks.check import finding
from replay.verify.fact import Fact
from replay.verify.finding import Finding


class HaltsCheck:
    """Remembers the halted scopes, and the scopes of the orders that were not sent yet."""

    name = "halts are respected"

    def __init__(self) -> None:
        self.examined = 0
        self._halted: dict[str, int] = {}
        self._scopes: dict[str, tuple[str, ...]] = {}

    def note(self, fact: Fact) -> Finding | None:
        event = fact.event
        if isinstance(event, RiskEvent):
            self._note_risk(event, fact.recorded.position)
        elif isinstance(event, OrderSubmitting):
            return self._check(fact, event)
        elif isinstance(event, OrderEvent):
            self._note_order(event)
        return None

    def finish(self) -> tuple[Finding, ...]:
        return ()

    def _note_risk(self, event: RiskEvent, position: int) -> None:
        match event:
            case TradingHalted():
                self._halted.setdefault(event.scope, position)
            case TradingResumed():
                self._halted.pop(event.scope, None)
            case _:
                pass

    def _note_order(self, event: OrderEvent) -> None:
        match event:
            case OrderPlaced():
                self._scopes[event.originator_id] = _scopes_of(event)
            case OrderWithheld():
                self._scopes.pop(event.originator_id, None)
            case _:
                pass

    def _check(self, fact: Fact, event: OrderSubmitting) -> Finding | None:
        self.examined += 1
        unplaced = (SYSTEM_SCOPE, f"account:{event.account_id}")
        for scope in self._scopes.pop(event.originator_id, unplaced):
            if scope in self._halted:
                since = self._halted[scope]
                return finding(fact, f"an intent to send while {scope} is halted since {since}")
        return None


def _scopes_of(event: OrderPlaced) -> tuple[str, ...]:
    scopes = (SYSTEM_SCOPE, f"client:{event.client_id}", f"account:{event.account_id}")
    return scopes if event.strategy_id is None else (*scopes, f"strategy:{event.strategy_id}")
