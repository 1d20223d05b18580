"""The table leaders: which epoch of a venue's execution began when."""

from domain.session.events import LeaderEpochStarted
from replay.verify.fact import Fact
from replay.verify.live_tables import Row


class Leaders:
    name = "leaders"
    key = ("venue", "epoch")

    def row(self, fact: Fact) -> Row | None:
        event = fact.event
        if not isinstance(event, LeaderEpochStarted):
            return None
        return {
            "venue": event.originator_id,
            "epoch": event.epoch,
            "started_at": event.timestamp,
            "position": fact.recorded.position,
        }
