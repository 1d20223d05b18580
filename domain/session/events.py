"""What can happen to the trading session with a venue."""

from typing import TYPE_CHECKING

from domain.event import Event, event_type

if TYPE_CHECKING:
    from domain.session.session import Session


class SessionEvent(Event, frozen=True, kw_only=True):
    """Base of the events of a session stream."""

    def apply(self, aggregate: "Session") -> None:
        raise NotImplementedError


@event_type
class LeaderEpochStarted(SessionEvent, frozen=True, kw_only=True):
    """A worker took the lead: from here on no intent of an earlier epoch is sent."""

    epoch: int

    def apply(self, aggregate: "Session") -> None:
        aggregate.epoch = self.epoch


@event_type
class VenueDataProblem(SessionEvent, frozen=True, kw_only=True):
    """The venue said something that cannot be; ``raw`` is all of it. Nothing was booked of it."""

    code: str
    reason: str
    raw: str

    def apply(self, aggregate: "Session") -> None:
        aggregate.problems += 1
