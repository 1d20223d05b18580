"""Recorded time laid over present time."""

from datetime import datetime
from typing import TypeVar

import msgspec

from domain.market_data import Candle, DepthUpdate, Quote, Trade

Stamped = TypeVar("Stamped", Quote, Trade, DepthUpdate)


class Timeline(msgspec.Struct, frozen=True):
    """``recorded_from`` happens at ``played_from``; from there on, time runs ``speed`` times fast.

    One line for all frames keeps their order and, at speed 1, their distances and their latency.
    """

    recorded_from: datetime
    played_from: datetime
    speed: float = 1.0

    def seconds_to(self, recorded: datetime) -> float:
        """How long after ``played_from`` a recorded instant is due; negative if before."""
        return (recorded - self.recorded_from).total_seconds() / self.speed

    def played(self, recorded: datetime) -> datetime:
        return self.played_from + (recorded - self.recorded_from) / self.speed

    def recorded(self, played: datetime) -> datetime:
        """The inverse of ``played``, to the microsecond."""
        return self.recorded_from + (played - self.played_from) * self.speed


def restamped(
    event: Quote | Trade | DepthUpdate | Candle, timeline: Timeline
) -> Quote | Trade | DepthUpdate | None:
    """The event at its present instant.

    None for a candle: a recorded minute has no whole minute in the present. Build candles from
    the trades instead.
    """
    if isinstance(event, Candle):
        return None
    return msgspec.structs.replace(event, at=timeline.played(event.at))
