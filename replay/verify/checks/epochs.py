"""Epochs never go back: after a leader's epoch has begun, no intent is of an earlier one."""

from domain.account.events import AccountOpened
from domain.order.events import OrderSubmitting
from domain.session.events import LeaderEpochStarted
from replay.verify.checks.check import finding
from replay.verify.fact import Fact
from replay.verify.finding import Finding


class EpochsCheck:
    """Remembers the epoch of each venue, and the venue of each account."""

    name = "epochs never go back"

    def __init__(self) -> None:
        self.examined = 0
        self._epochs: dict[str, int] = {}
        self._venues: dict[str, str] = {}

    def note(self, fact: Fact) -> Finding | None:
        match fact.event:
            case AccountOpened() as event:
                self._venues[event.originator_id] = event.venue
            case LeaderEpochStarted() as event:
                return self._check_start(fact, event)
            case OrderSubmitting() as event:
                return self._check_intent(fact, event)
            case _:
                pass
        return None

    def finish(self) -> tuple[Finding, ...]:
        return ()

    def _check_start(self, fact: Fact, event: LeaderEpochStarted) -> Finding | None:
        self.examined += 1
        before = self._epochs.get(event.originator_id, 0)
        self._epochs[event.originator_id] = max(before, event.epoch)
        if event.epoch > before:
            return None
        return finding(fact, f"epoch {event.epoch} starts after epoch {before}")

    def _check_intent(self, fact: Fact, event: OrderSubmitting) -> Finding | None:
        self.examined += 1
        venue = self._venues.get(event.account_id, "")
        epoch = self._epochs.get(venue, 0)
        if event.leader_epoch >= epoch:
            return None
        return finding(
            fact, f"an intent of epoch {event.leader_epoch} after epoch {epoch} of {venue} began"
        )
