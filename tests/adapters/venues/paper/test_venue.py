"""The paper venue around its engine: durable before visible, and the same after a stop."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from decimal import Decimal

import pytest

from adapters.venues.paper import journal_writer
from adapters.venues.paper.journal import JournalFailed
from adapters.venues.paper.report_streams import ReportStreams
from adapters.venues.paper.venue import DEADLINE_CHECK, PaperVenue
from domain.market_data import Candle, MarketEvent, Quote
from domain.venue import (
    Accepted,
    Ambiguous,
    ExpireReport,
    FillReport,
    Rejected,
    Report,
    VenueOrder,
    VenuePosition,
    VenueUnavailable,
)
from tests.adapters.venues.paper.running import running_venue
from tests.adapters.venues.paper.scenario import FEES, INSTRUMENTS, START, quote, terms, trade
from tests.doubles.manual_clock import ManualClock
from tests.doubles.memory_paper_journal import MemoryPaperJournal


def market_order(client_order_id: str, quantity: str = "1") -> VenueOrder:
    return VenueOrder(client_order_id, "a", terms("buy", "market", quantity))


def limit_order(client_order_id: str, price: str = "9") -> VenueOrder:
    return VenueOrder(client_order_id, "a", terms("buy", "limit", "1", limit_price=price))


async def settle() -> None:
    """Let every task run until it waits."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_nothing_is_told_before_it_is_in_the_journal() -> None:
    journal = MemoryPaperJournal()
    async with running_venue(journal, ManualClock()) as venue:
        reports = venue.reports()
        venue.on_market(quote("10.0", "10.1"))
        journal.may_write.clear()
        answers: list[asyncio.Task[object]] = [
            asyncio.create_task(venue.submit(market_order("m"))),
            asyncio.create_task(venue.open_orders("a")),
            asyncio.create_task(venue.positions("a")),
            asyncio.create_task(venue.fills_since("a", START)),
            asyncio.create_task(venue.cancel("a", "m")),
        ]
        report = asyncio.create_task(anext(reports))
        await settle()
        assert not any(answer.done() for answer in answers)
        assert not report.done()
        journal.may_write.set()
        outcome, *_, late = await asyncio.gather(*answers)
        assert isinstance(outcome, Accepted)
        assert isinstance(late, Rejected)
        assert isinstance(await report, FillReport)


async def test_requests_that_come_while_the_journal_writes_share_its_next_write() -> None:
    journal = MemoryPaperJournal()
    async with running_venue(journal, ManualClock()) as venue:
        journal.may_write.clear()
        orders = [limit_order(f"x{number}") for number in range(20)]
        answers = [asyncio.create_task(venue.submit(order)) for order in orders]
        await settle()
        journal.may_write.set()
        outcomes = await asyncio.gather(*answers)
        ids = [o.venue_order_id for o in outcomes if isinstance(o, Accepted)]
        assert ids == [str(number) for number in range(1, 21)]
        assert len(journal.group_sizes) <= 2


async def test_a_stopped_venue_goes_on_where_it_was() -> None:
    journal, clock = MemoryPaperJournal(), ManualClock()
    async with running_venue(journal, clock) as venue:
        venue.on_market(quote("10.0", "10.1"))
        await venue.submit(market_order("m"))
        await venue.submit(limit_order("l"))
        open_orders = await venue.open_orders("a")
        fills = await venue.fills_since("a", START)
    async with running_venue(journal, clock) as venue:
        assert await venue.open_orders("a") == open_orders
        assert await venue.fills_since("a", START) == fills
        venue.on_market(trade("9", "1"))
        again = await venue.fills_since("a", START)
        assert [fill.trade_id for fill in again] == ["1", "2"]
        assert await venue.positions("a") == [VenuePosition("AAAUSDT", Decimal(2), Decimal("19.1"))]


async def test_what_a_stop_interrupts_is_ambiguous() -> None:
    journal = MemoryPaperJournal()
    async with running_venue(journal, ManualClock()) as venue:
        reports = venue.reports()
        journal.may_write.clear()
        submit = asyncio.create_task(venue.submit(limit_order("l")))
        await settle()
    assert isinstance(await submit, Ambiguous)
    assert [report async for report in reports] == []


async def test_a_stopped_venue_executes_nothing_and_says_so() -> None:
    journal = MemoryPaperJournal()
    async with running_venue(journal, ManualClock()) as venue:
        await settle()
    venue.on_market(quote("10.0", "10.1"))
    outcome = await venue.submit(market_order("m"))
    assert isinstance(outcome, Rejected)
    assert outcome.code == "venue_unavailable"
    with pytest.raises(VenueUnavailable):
        await venue.open_orders("a")
    with pytest.raises(VenueUnavailable):
        await venue.fills_since("a", START)
    assert journal.texts == []


async def test_a_broken_journal_stops_the_venue() -> None:
    journal = MemoryPaperJournal()
    venue = await PaperVenue.open(journal, INSTRUMENTS, FEES, ManualClock())
    run = asyncio.create_task(venue.run())
    journal.failure = JournalFailed("disk full")
    assert isinstance(await venue.submit(limit_order("l")), Ambiguous)
    with pytest.raises(ExceptionGroup) as raised:
        await run
    assert raised.value.subgroup(JournalFailed)


async def test_a_sender_that_gives_up_does_not_undo_the_order() -> None:
    journal = MemoryPaperJournal()
    async with running_venue(journal, ManualClock()) as venue:
        journal.may_write.clear()
        submit = asyncio.create_task(venue.submit(limit_order("l")))
        await settle()
        submit.cancel()
        journal.may_write.set()
        assert [order.client_order_id for order in await venue.open_orders("a")] == ["l"]


async def test_deadlines_are_kept_while_the_market_is_quiet() -> None:
    clock = ManualClock()
    async with running_venue(MemoryPaperJournal(), clock) as venue:
        expire_at = clock.now() + timedelta(seconds=5)
        reports = venue.reports()
        gtd = terms("buy", "limit", "1", limit_price="9", time_in_force="gtd", expire_at=expire_at)
        assert isinstance(await venue.submit(VenueOrder("g", "a", gtd)), Accepted)
        await settle()
        await clock.advance(5 + DEADLINE_CHECK)
        assert isinstance(await anext(reports), ExpireReport)


class FakeMarket:
    """Ends after the events it was given."""

    def __init__(self, *events: MarketEvent) -> None:
        self._events = events

    async def subscribe(self) -> AsyncGenerator[MarketEvent]:
        for event in self._events:
            yield event

    def quote(self, symbol: str) -> Quote | None:
        raise AssertionError(symbol)


async def test_it_follows_a_market_and_trusts_no_quote_once_that_ends() -> None:
    one = Decimal(1)
    candle = Candle("AAAUSDT", "1m", START, one, one, one, one, one, trades=1, closed=True)
    async with running_venue(MemoryPaperJournal(), ManualClock()) as venue:
        await venue.submit(market_order("before"))
        await venue.follow(FakeMarket(candle, quote("10.0", "10.1")))
        assert len(await venue.fills_since("a", START)) == 1
        await venue.submit(market_order("after"))
        assert [order.client_order_id for order in await venue.open_orders("a")] == ["after"]


async def test_a_journal_too_far_behind_takes_no_requests_and_no_stale_price(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(journal_writer, "MAX_WAITING", 2)
    journal = MemoryPaperJournal()
    async with running_venue(journal, ManualClock()) as venue:
        venue.on_market(quote("10.0", "10.1"))
        journal.may_write.clear()
        held = [asyncio.create_task(venue.submit(limit_order(name))) for name in ("x", "y")]
        await settle()
        refused = await venue.submit(limit_order("z"))
        assert isinstance(refused, Rejected)
        assert refused.code == "too_many_requests"
        venue.on_market(quote("11.0", "11.1"))
        journal.may_write.set()
        await asyncio.gather(*held)
        await venue.submit(market_order("m"))
        assert await venue.fills_since("a", START) == []


async def test_a_listener_too_far_behind_loses_its_stream_but_no_report_before() -> None:
    streams = ReportStreams(capacity=3)
    slow, quick = streams.open(), streams.open()
    sent: list[Report] = [ExpireReport(str(n), str(n), "a", START) for n in range(5)]
    heard = []
    for report in sent:
        streams.publish(report)
        heard.append(await anext(quick))
    assert heard == sent
    assert [report async for report in slow] == sent[:3]
    await quick.aclose()


async def test_a_closed_stream_is_forgotten() -> None:
    streams = ReportStreams()
    stream = streams.open()
    streams.publish(ExpireReport("1", "1", "a", START))
    await anext(stream)
    await stream.aclose()
    assert streams.listeners == 0
