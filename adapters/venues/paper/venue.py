"""The paper venue: the engine, made durable. Nothing is told before it is in the journal."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from datetime import datetime
from decimal import Decimal

from adapters.venues.paper.book import Book
from adapters.venues.paper.engine import MatchingEngine, Step
from adapters.venues.paper.entry import Entry, as_report
from adapters.venues.paper.journal import PaperJournal
from adapters.venues.paper.journal_writer import JournalWriter
from adapters.venues.paper.order_state import order_state
from adapters.venues.paper.reject import RejectCode
from adapters.venues.paper.report_streams import ReportStreams
from domain.clock import Clock
from domain.fees import FeeSchedule
from domain.instrument import Instruments
from domain.market_data import MarketData, MarketEvent, Quote, Trade
from domain.venue import (
    Ambiguous,
    Amendment,
    FillReport,
    OpenOrder,
    OrderState,
    Outcome,
    Rejected,
    Report,
    VenueOrder,
    VenueUnavailable,
)

DEADLINE_CHECK = 0.25
"""Seconds between looks at the clock for gtd orders when the market is quiet."""


class PaperVenue:
    """``open`` it, then keep ``run`` (and ``follow``) going in the owner's task group.

    Requests are served in the order of their arrival. ``at`` in outcomes and reports is the
    venue's own clock, not the time of the market data.
    """

    name = "paper"

    def __init__(
        self,
        journal: PaperJournal,
        position: int,
        engine: MatchingEngine,
        clock: Clock,
    ) -> None:
        self._journal = journal
        self._engine = engine
        self._clock = clock
        self._streams = ReportStreams()
        self._writer = JournalWriter(journal, position, self._publish)

    @classmethod
    async def open(
        cls, journal: PaperJournal, instruments: Instruments, fees: FeeSchedule, clock: Clock
    ) -> "PaperVenue":
        """The venue as its journal left it. Raises JournalFailed."""
        book = Book()
        position = 0
        async with aclosing(journal.load()) as pages:
            async for page in pages:
                for entry in page:
                    book.apply(entry)
                position += len(page)
        return cls(journal, position, MatchingEngine(book, instruments, fees), clock)

    async def run(self) -> None:
        """Write, report and watch the time until cancelled; then the venue is stopped for good.

        Raises an ExceptionGroup of JournalFailed.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._writer.run())
                tasks.create_task(self._watch_deadlines())
        finally:
            self._streams.close()

    async def follow(self, market: MarketData) -> None:
        """Feed the venue from a market until that ends; then no quote stands any more."""
        try:
            async with aclosing(market.subscribe()) as events:
                async for event in events:
                    self.on_market(event)
        finally:
            self._engine.forget_market()

    def on_market(self, event: MarketEvent) -> None:
        """Match against a quote or a trade; other events are ignored."""
        if not isinstance(event, Quote | Trade):
            return
        if self._writer.is_full:
            # Missing a price is lawful; matching later against the one before it is not.
            self._engine.forget_market(event.symbol)
        elif isinstance(event, Quote):
            self._writer.put(self._engine.on_quote(event, self._clock.now()).entries)
        else:
            self._writer.put(self._engine.on_trade(event, self._clock.now()).entries)

    async def submit(self, order: VenueOrder) -> Outcome:
        return await self._request(lambda now: self._engine.submit(order, now))

    async def amend(self, account_id: str, client_order_id: str, change: Amendment) -> Outcome:
        return await self._request(
            lambda now: self._engine.amend(account_id, client_order_id, change, now)
        )

    async def cancel(self, account_id: str, client_order_id: str) -> Outcome:
        return await self._request(
            lambda now: self._engine.cancel(account_id, client_order_id, now)
        )

    async def open_orders(self, account_id: str) -> Sequence[OpenOrder]:
        """Raises VenueUnavailable."""
        orders = self._engine.open_orders(account_id)
        await self._until_durable()
        return orders

    async def find_order(self, account_id: str, client_order_id: str) -> OrderState | None:
        """Raises VenueUnavailable."""
        await self._until_durable()
        return order_state(await self._journal.entries_of(account_id, client_order_id))

    async def positions(self, account_id: str) -> dict[str, Decimal]:
        """Open positions by symbol, above zero when long. Raises VenueUnavailable."""
        positions = self._engine.positions(account_id)
        await self._until_durable()
        return positions

    async def fills_since(self, account_id: str, at: datetime) -> Sequence[FillReport]:
        """Raises VenueUnavailable."""
        await self._until_durable()
        return await self._journal.fills_since(account_id, at)

    def reports(self) -> AsyncGenerator[Report]:
        return self._streams.open()

    async def _request(self, make_step: Callable[[datetime], Step]) -> Outcome:
        now = self._clock.now()
        if self._writer.is_stopped:
            return Rejected(RejectCode.UNAVAILABLE, "the venue has stopped", now)
        if self._writer.is_full:
            return Rejected(RejectCode.TOO_MANY_REQUESTS, "the journal is behind", now)
        step = make_step(now)
        assert step.outcome is not None
        try:
            # A refusal waits too: what it rests on (a fill, an end) may not be durable yet.
            await self._writer.write(step.entries)
        except VenueUnavailable as error:
            return Ambiguous(str(error))
        return step.outcome

    async def _until_durable(self) -> None:
        """An answer must not show what a crash could still undo."""
        await self._writer.write(())

    async def _watch_deadlines(self) -> None:
        while True:
            await self._clock.sleep(DEADLINE_CHECK)
            if not self._writer.is_full:
                self._writer.put(self._engine.advance(self._clock.now()).entries)

    def _publish(self, entry: Entry) -> None:
        report = as_report(entry)
        if report is not None:
            self._streams.publish(report)
