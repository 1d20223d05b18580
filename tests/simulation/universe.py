"""What seeds must reach together: a simulation that does not get there proves nothing."""

import msgspec

from domain.account.events import AccountEvent
from domain.event import known_types
from domain.order.events import OrderEvent
from domain.risk.events import RiskEvent
from domain.session.events import SessionEvent
from tests.doubles.unreliable_venue import Faults
from tests.simulation.engine.faults import ENGINE_FAULTS

_AMOUNTS = frozenset({"delay", "late_by", "out_for", "report_late_by"})

VENUE_FAULTS = frozenset(
    f"venue/{field.name}" for field in msgspec.structs.fields(Faults) if field.name not in _AMOUNTS
)

FAULTS = ENGINE_FAULTS | VENUE_FAULTS | {"lease/lost", "read_store/lost"}

EVENTS = frozenset(
    f"event/{name}"
    for name, kind in known_types().items()
    if issubclass(kind, AccountEvent | OrderEvent | RiskEvent | SessionEvent)
)
"""Every event there is about orders, accounts, limits and sessions."""

STATES = EVENTS | {
    "fill/before_ack",
    "fill/while_amending",
    "fill/while_cancelling",
    "fill/while_unknown",
    "halt/lifted_unconfirmed",
    "leader/changed",
    "leader/deposed",
    "oco/partner_cancelled",
    "order/fills_missing",
    "order/found",
    "rejected/never_arrived",
    "rejected/outside_window",
    "reservation/orphan_released",
    "terms/fok",
    "terms/gtc",
    "terms/gtd",
    "terms/ioc",
    "terms/limit",
    "terms/linked",
    "terms/market",
    "terms/post_only",
    "terms/reduce_only",
    "terms/stop_loss",
    "terms/take_profit",
    "terms/trailing_stop",
    "venue/filled_while_unknown",
    "venue/opened_while_unknown",
    "withheld/account_not_reconciled",
    "withheld/cancelled_before_sent",
    "withheld/trading_halted",
    "withheld/trading_reducing",
}
