"""When a snapshot is due."""

from datetime import datetime, timedelta
from typing import NamedTuple

from replay.snapshots.contents import Contents


class Policy(NamedTuple):
    """Every so many events of a model, or after so much time if there was any; ``megabytes`` is the
    room that those of one model may take."""

    events: int
    time: timedelta
    megabytes: int

    def is_due(self, events: int, newest: Contents | None, now: datetime) -> bool:
        """For a model that has folded so many events, the newest snapshot of it being known."""
        if newest is None:
            return events > 0
        new = events - newest.events
        return new >= self.events or (new > 0 and now - newest.taken_at >= self.time)
