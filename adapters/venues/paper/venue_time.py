"""The venue's own time, by which it judges whether a request is late."""

from datetime import datetime, timedelta

from domain.clock import Clock

SMALL_STEP = timedelta(minutes=1)
"""A clock that goes back by less than this is waited for, by more is believed."""


class VenueTime:
    """Never goes back by a little: what was too late once stays too late.

    After a large step back, the requests of before it come from the future and are rejected too.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = clock.now()

    def now(self) -> datetime:
        told = self._clock.now()
        is_slip = timedelta() < self._last - told < SMALL_STEP
        self._last = self._last if is_slip else told
        return self._last
