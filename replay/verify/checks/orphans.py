"""No money stays reserved for an order that never came.

By the log's own time: a reservation is an orphan when the log goes on past the deadline without
the order, or without its release after the order was refused or abandoned.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec

from domain.account.events import AccountEvent, FundsReserved, ReservationReleased
from domain.order.events import OrderPlaced
from domain.policies.orphans import ORPHAN_DEADLINE
from replay.verify.fact import Fact
from replay.verify.finding import Finding

GRACE = timedelta(seconds=30)
"""A policy that has just started counts the deadline from when it heard of the reservation."""

_BEFORE_TIME = datetime(1970, 1, 1, tzinfo=UTC)


class Reserved(msgspec.Struct, frozen=True):
    stream: str
    position: int
    since: datetime


class OrphansCheck:
    """Remembers the reservations whose order has not come, and no others."""

    name = "reservations have an order"

    def __init__(self) -> None:
        self.examined = 0
        self._waiting: dict[str, Reserved] = {}
        self._now = _BEFORE_TIME

    def note(self, fact: Fact) -> Finding | None:
        recorded, event = fact.recorded, fact.event
        self._now = max(self._now, recorded.recorded_at)
        if isinstance(event, OrderPlaced):
            self._waiting.pop(event.originator_id, None)
        elif isinstance(event, AccountEvent):
            self._note_account(fact, event)
        return None

    def finish(self) -> Iterator[Finding]:
        for order_id, reserved in self._waiting.items():
            waited = self._now - reserved.since
            if waited > ORPHAN_DEADLINE + GRACE:
                yield Finding(
                    reserved.stream,
                    reserved.position,
                    f"money is reserved for order {order_id}, which was not placed within"
                    f" {waited.total_seconds():.0f} s, and was not released",
                )

    def _note_account(self, fact: Fact, event: AccountEvent) -> None:
        recorded = fact.recorded
        match event:
            case FundsReserved():
                self.examined += 1
                self._waiting[event.order_id] = Reserved(
                    recorded.stream, recorded.position, recorded.recorded_at
                )
            case ReservationReleased():
                self._waiting.pop(event.order_id, None)
            case _:
                pass
