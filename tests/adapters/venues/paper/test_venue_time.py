"""What was too late once stays too late, whatever the clock does."""

from datetime import datetime, timedelta

import pytest

from adapters.venues.paper.venue_time import SMALL_STEP, VenueTime
from domain.venue import Absent, Accepted, Rejected, SendWindow, VenueOrder
from tests.adapters.venues.paper.running import running_venue
from tests.adapters.venues.paper.scenario import START, terms
from tests.doubles.manual_clock import ManualClock
from tests.doubles.memory_paper_journal import MemoryPaperJournal


class SteppedClock(ManualClock):
    """A clock that somebody sets."""

    offset = timedelta()

    def now(self) -> datetime:
        return super().now() + self.offset


@pytest.mark.parametrize("back", [timedelta(microseconds=1), SMALL_STEP / 2])
def test_a_small_step_back_is_waited_for(back: timedelta) -> None:
    clock = SteppedClock()
    time = VenueTime(clock)
    clock.offset = -back
    assert time.now() == START
    clock.offset = timedelta(seconds=1)
    assert time.now() == START + timedelta(seconds=1)


def test_a_large_step_back_is_believed() -> None:
    clock = SteppedClock()
    time = VenueTime(clock)
    clock.offset = -timedelta(hours=1)
    assert time.now() == START - timedelta(hours=1)


@pytest.mark.parametrize("back", [timedelta(seconds=8), timedelta(hours=1)])
async def test_an_order_told_absent_cannot_arrive_after_a_step_back(back: timedelta) -> None:
    clock = SteppedClock()
    window = SendWindow(START, START + timedelta(seconds=5))
    limit = terms("buy", "limit", "1", limit_price="9")
    late = VenueOrder("x", "a", limit, window=window)
    async with running_venue(MemoryPaperJournal(), clock) as venue:
        await clock.advance(10)
        absent = await venue.find_order("a", "x")
        assert isinstance(absent, Absent)
        assert absent.at > window.valid_until
        clock.offset = -back
        outcome = await venue.submit(late)
        assert isinstance(outcome, Rejected)
        assert outcome.code == "outside_window"


async def test_trading_goes_on_after_a_large_step_back() -> None:
    clock = SteppedClock()
    async with running_venue(MemoryPaperJournal(), clock) as venue:
        clock.offset = -timedelta(hours=1)
        now = clock.now()
        limit = terms("buy", "limit", "1", limit_price="9")
        fresh = VenueOrder("x", "a", limit, window=SendWindow(now, now + timedelta(seconds=5)))
        assert isinstance(await venue.submit(fresh), Accepted)
