"""Leaders: which epoch of a venue's execution began when."""

from datetime import datetime

import msgspec

from domain.session.events import LeaderEpochStarted
from projections.table import Table


class LeaderRow(msgspec.Struct, frozen=True, gc=False):
    venue: str
    epoch: int
    started_at: datetime
    position: int


LEADERS = Table("leaders", LeaderRow, ("venue", "epoch"), appended=True)


def leader_row(event: LeaderEpochStarted, position: int) -> LeaderRow:
    return LeaderRow(
        venue=event.originator_id,
        epoch=event.epoch,
        started_at=event.timestamp,
        position=position,
    )
