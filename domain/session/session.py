"""The trading session with one venue."""

from datetime import datetime
from typing import ClassVar

from domain.aggregate import Aggregate
from domain.errors import Conflict
from domain.session.events import LeaderEpochStarted, VenueDataProblem

MAX_RAW = 64 * 1024
"""Characters of a venue's answer that are kept."""


class Session(Aggregate):
    """Its id is the venue's name; ``problems`` counts what the venue said that cannot be."""

    category: ClassVar[str] = "session"

    epoch: int
    problems: int

    def _start(self) -> None:
        self.epoch = 0
        self.problems = 0

    def start_epoch(self, epoch: int, now: datetime) -> None:
        """Raises Conflict ``stale_epoch`` for a worker that is not the newest leader."""
        if epoch < self.epoch:
            raise Conflict("stale_epoch", f"epoch {self.epoch} has begun after {epoch}")
        if epoch > self.epoch:
            self.trigger_event(LeaderEpochStarted, timestamp=now, epoch=epoch)

    def note_problem(self, code: str, reason: str, raw: str, now: datetime) -> None:
        self.trigger_event(
            VenueDataProblem, timestamp=now, code=code, reason=reason, raw=raw[:MAX_RAW]
        )
