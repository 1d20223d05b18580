"""The network between the core and a venue does what it is told to, and the same each time."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from adapters.venues.paper.venue import PaperVenue
from domain.venue import (
    Absent,
    Accepted,
    Ambiguous,
    ExpireReport,
    FillReport,
    OrderState,
    Report,
    StreamGap,
    UnreadableReport,
    VenueOrder,
    VenueUnavailable,
)
from tests.adapters.venues.paper.running import running_venue
from tests.adapters.venues.paper.scenario import START, quote, terms
from tests.adapters.venues.paper.test_venue import settle
from tests.doubles.manual_clock import ManualClock
from tests.doubles.memory_paper_journal import MemoryPaperJournal
from tests.doubles.unreliable_venue import Faults, UnreliableVenue


class Setting:
    """A paper venue, and the network in front of it."""

    def __init__(self, inner: PaperVenue, faults: Faults, clock: ManualClock, seed: int) -> None:
        self.inner = inner
        self.clock = clock
        self.venue = UnreliableVenue(inner, faults, random.Random(seed), clock)

    async def pass_time(self, seconds: float) -> None:
        for _ in range(10):
            await settle()
            await self.clock.advance(seconds / 10)
        await settle()

    async def fills(self, count: int) -> None:
        """Let so many orders fill, each at its own price."""
        for number in range(count):
            self.inner.on_market(quote("10.0", f"{10 + number / 10:.1f}"))
            order = VenueOrder(f"m{number}", "a", terms("buy", "market", "1"))
            assert isinstance(await self.inner.submit(order), Accepted)


@asynccontextmanager
async def behind(faults: Faults, seed: int = 1) -> AsyncIterator[Setting]:
    clock = ManualClock()
    async with running_venue(MemoryPaperJournal(), clock) as inner:
        setting = Setting(inner, faults, clock, seed)
        run = asyncio.create_task(setting.venue.run())
        try:
            yield setting
        finally:
            run.cancel()
            await asyncio.gather(run, return_exceptions=True)


def limit_order(name: str = "l") -> VenueOrder:
    return VenueOrder(name, "a", terms("buy", "limit", "1", limit_price="9"))


async def reports_of(setting: Setting, faults: Faults, count: int) -> list[Report]:
    """What a listener hears of so many fills."""
    heard: list[Report] = []
    stream = setting.venue.reports()

    async def listen() -> None:
        async for report in stream:
            heard.append(report)

    listener = asyncio.create_task(listen())
    setting.venue.faults = faults
    await setting.fills(count)
    await setting.pass_time(5)
    listener.cancel()
    await asyncio.gather(listener, return_exceptions=True)
    return heard


async def test_without_faults_it_is_the_venue_itself() -> None:
    async with behind(Faults()) as setting:
        heard = await reports_of(setting, Faults(), 3)
        assert heard == await setting.venue.fills_since("a", START)
        assert await setting.venue.positions("a") == await setting.inner.positions("a")
        assert isinstance(await setting.venue.submit(limit_order()), Accepted)
        assert await setting.venue.open_orders("a") == await setting.inner.open_orders("a")
        assert isinstance(await setting.venue.cancel("a", "l"), Accepted)
        assert sum(setting.venue.happened.values()) == 0


async def test_a_lost_request_never_arrives() -> None:
    async with behind(Faults(lost_request=1)) as setting:
        assert isinstance(await setting.venue.submit(limit_order()), Ambiguous)
        await setting.pass_time(60)
        assert isinstance(await setting.inner.find_order("a", "l"), Absent)


async def test_a_late_request_arrives_after_its_sender_gave_up() -> None:
    async with behind(Faults(late_request=1, late_by=10)) as setting:
        assert isinstance(await setting.venue.submit(limit_order()), Ambiguous)
        assert isinstance(await setting.inner.find_order("a", "l"), Absent)
        await setting.pass_time(10)
        assert isinstance(await setting.inner.find_order("a", "l"), OrderState)


@pytest.mark.parametrize("fault", ["lost_answer", "corrupt_answer"])
async def test_an_answer_that_does_not_come_back_was_still_given(fault: str) -> None:
    async with behind(Faults(**{fault: 1})) as setting:
        outcome = await setting.venue.submit(limit_order())
        assert isinstance(outcome, Ambiguous)
        assert (outcome.raw is not None) == (fault == "corrupt_answer")
        assert isinstance(await setting.inner.find_order("a", "l"), OrderState)
        assert setting.venue.happened[fault] == 1


@pytest.mark.parametrize("fault", ["unavailable", "corrupt_answer"])
async def test_a_question_without_a_sound_answer_is_unavailable(fault: str) -> None:
    async with behind(Faults(**{fault: 1})) as setting:
        with pytest.raises(VenueUnavailable):
            await setting.venue.find_order("a", "l")


async def test_reports_come_twice_and_in_another_order_but_all_come() -> None:
    faults = Faults(duplicate_report=0.5, reordered_report=0.5)
    async with behind(Faults()) as setting:
        heard = await reports_of(setting, faults, 20)
        fills = [each for each in heard if isinstance(each, FillReport)]
        sent = await setting.inner.fills_since("a", START)
        assert set(fills) == set(sent)
        assert len(fills) > 20
        assert [fill.trade_id for fill in fills] != sorted(fill.trade_id for fill in fills)


async def test_a_lost_report_is_not_announced() -> None:
    async with behind(Faults()) as setting:
        heard = await reports_of(setting, Faults(lost_report=0.5), 20)
        assert all(isinstance(each, FillReport) for each in heard)
        assert 0 < len(heard) < 20


async def test_an_outage_lasts_for_requests_questions_and_reports_until_it_is_healed() -> None:
    async with behind(Faults()) as setting:
        heard = await reports_of(setting, Faults(outage=1, out_for=1000), 1)
        assert [type(each) for each in heard] == [FillReport], "it has not begun"
        setting.venue.faults = Faults(outage=1, out_for=1000)
        assert isinstance(await setting.venue.submit(limit_order()), Ambiguous)
        assert isinstance(await setting.inner.find_order("a", "l"), Absent)
        setting.venue.faults = Faults(outage=0.000001, out_for=1000)
        with pytest.raises(VenueUnavailable):
            await setting.venue.status()
        heard = await reports_of(setting, setting.venue.faults, 3)
        assert heard
        assert all(isinstance(each, StreamGap) for each in heard)
        setting.venue.faults = Faults()
        assert (await setting.venue.status()).trading


async def test_what_falls_into_a_gap_was_made_since_the_gap_began() -> None:
    async with behind(Faults()) as setting:
        heard = await reports_of(setting, Faults(gap=0.3), 20)
        gaps = [each for each in heard if isinstance(each, StreamGap)]
        sent = await setting.inner.fills_since("a", START)
        lost = [fill for fill in sent if fill not in heard]
        assert lost
        assert min(fill.at for fill in lost) >= min(gap.since for gap in gaps)


async def test_no_garbled_answer_is_taken_for_one() -> None:
    for seed in range(40):
        async with behind(Faults(), seed) as setting:
            garbled, gap = await reports_of(setting, Faults(corrupt_answer=1), 1)
            assert isinstance(gap, StreamGap)
            if isinstance(garbled, FillReport):
                assert garbled.quantity > 1_000_000
            else:
                assert isinstance(garbled, UnreadableReport)
            setting.venue.faults = Faults(corrupt_answer=1)
            outcome = await setting.venue.submit(limit_order())
            assert isinstance(outcome, Ambiguous)
            assert outcome.raw is not None


async def test_the_same_seed_gives_the_same_faults() -> None:
    every = Faults(duplicate_report=0.3, reordered_report=0.3, gap=0.1, corrupt_answer=0.1)

    async def heard_with(seed: int) -> list[Report]:
        async with behind(Faults(), seed) as setting:
            return await reports_of(setting, every, 20)

    assert await heard_with(7) == await heard_with(7)
    assert await heard_with(7) != await heard_with(8)


async def test_the_stream_ends_where_the_venue_stops() -> None:
    clock = ManualClock()
    async with running_venue(MemoryPaperJournal(), clock) as inner:
        venue = UnreliableVenue(inner, Faults(), random.Random(1), clock)
        run = asyncio.create_task(venue.run())
        heard = asyncio.create_task(anext(venue.reports(), ExpireReport("", "", "", START)))
        await settle()
    assert isinstance(await asyncio.wait_for(heard, 5), ExpireReport)
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
