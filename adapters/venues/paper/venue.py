"""The paper venue: the engine, made durable. Nothing is told before it is in the journal."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from decimal import Decimal

from adapters.venues.paper.engine import ALL_CAPABILITIES, MatchingEngine, Step
from adapters.venues.paper.entry import Entry, as_report
from adapters.venues.paper.journal import PaperJournal
from adapters.venues.paper.journal_writer import JournalWriter
from adapters.venues.paper.order_state import newest_order, order_state
from adapters.venues.paper.recovery import Recovered, recover
from adapters.venues.paper.reject import RejectCode
from adapters.venues.paper.report_streams import ReportStreams
from adapters.venues.paper.snapshot_keeper import EVERY, SnapshotKeeper
from adapters.venues.paper.venue_time import VenueTime
from domain.clock import Clock
from domain.fees import FeeSchedule
from domain.instrument import Instrument, Instruments
from domain.market_data import MarketData, MarketEvent, Quote, Trade
from domain.venue import (
    Absent,
    Ambiguous,
    Amendment,
    Capabilities,
    FillReport,
    OpenOrder,
    OrderState,
    Outcome,
    Rejected,
    Report,
    SendWindow,
    VenueHealth,
    VenueOrder,
    VenuePosition,
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
        *,
        journal: PaperJournal,
        recovered: Recovered,
        instruments: Instruments,
        fees: FeeSchedule,
        clock: Clock,
        capabilities: Capabilities,
        snapshot_every: int,
    ) -> None:
        self.capabilities = capabilities
        self._journal = journal
        self._instruments = instruments
        self._engine = MatchingEngine(recovered.book, instruments, fees, capabilities)
        self._clock = clock
        self._time = VenueTime(clock)
        self._streams = ReportStreams()
        self._writer = JournalWriter(journal, recovered.position, self._publish)
        self._snapshots = SnapshotKeeper(journal, recovered, snapshot_every)

    @classmethod
    async def open(
        cls,
        journal: PaperJournal,
        instruments: Instruments,
        fees: FeeSchedule,
        clock: Clock,
        capabilities: Capabilities = ALL_CAPABILITIES,
        *,
        snapshot_every: int = EVERY,
    ) -> "PaperVenue":
        """The venue as its journal left it. Raises JournalFailed.

        Where a capability is off, the venue rejects such orders as one that has none of them.
        """
        return cls(
            journal=journal,
            recovered=await recover(journal),
            instruments=instruments,
            fees=fees,
            clock=clock,
            capabilities=capabilities,
            snapshot_every=snapshot_every,
        )

    async def run(self) -> None:
        """Write, report and watch the time until cancelled; then the venue is stopped for good.

        Raises an ExceptionGroup of JournalFailed.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._writer.run())
                tasks.create_task(self._snapshots.run())
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
            self._put(self._engine.on_quote(event, self._time.now()))
        else:
            self._put(self._engine.on_trade(event, self._time.now()))

    async def submit(self, order: VenueOrder) -> Outcome:
        return await self._request(lambda now: self._engine.submit(order, now))

    async def amend(
        self,
        account_id: str,
        client_order_id: str,
        change: Amendment,
        window: SendWindow | None = None,
    ) -> Outcome:
        return await self._request(
            lambda now: self._engine.amend(account_id, client_order_id, change, now, window)
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

    async def find_order(self, account_id: str, client_order_id: str) -> OrderState | Absent:
        """Raises VenueUnavailable."""
        asked_at = self._time.now()
        await self._until_durable()
        entries = await self._journal.entries_of(account_id, client_order_id)
        return newest_order(entries) or Absent(asked_at)

    async def find_venue_order(self, account_id: str, venue_order_id: str) -> OrderState | Absent:
        """Raises VenueUnavailable."""
        asked_at = self._time.now()
        await self._until_durable()
        entries = await self._journal.entries_of_venue_order(account_id, venue_order_id)
        return order_state(entries, venue_order_id) or Absent(asked_at)

    async def positions(self, account_id: str) -> Sequence[VenuePosition]:
        """Raises VenueUnavailable."""
        positions = self._engine.positions(account_id)
        await self._until_durable()
        return positions

    async def balances(self, account_id: str) -> Mapping[str, Decimal]:
        """Raises VenueUnavailable."""
        balances = self._engine.balances(account_id)
        await self._until_durable()
        return balances

    async def instruments(self) -> Sequence[Instrument]:
        return self._instruments.all()

    async def status(self) -> VenueHealth:
        """Not trading once it has stopped."""
        return VenueHealth(trading=not self._writer.is_stopped, at=self._time.now())

    async def fills_since(self, account_id: str, at: datetime) -> Sequence[FillReport]:
        """Raises VenueUnavailable."""
        await self._until_durable()
        return await self._journal.fills_since(account_id, at)

    def reports(self) -> AsyncGenerator[Report]:
        return self._streams.open()

    # What the operator of the venue does

    async def transfer(
        self, account_id: str, transfer_id: str, asset: str, amount: Decimal
    ) -> None:
        """Money in, or out where ``amount`` is below zero, once per ``transfer_id``.

        Raises VenueUnavailable, and Conflict ``idempotency_key_reused``.
        """
        self._require_room()
        now = self._time.now()
        step = self._engine.transfer(account_id, transfer_id, asset, amount, now)
        await self._write(step)

    async def bust(self, account_id: str, symbol: str, trade_id: str, reason: str) -> Outcome:
        """Take back an execution. Raises VenueUnavailable."""
        await self._until_durable()
        fill = await self._journal.find_fill(account_id, symbol, trade_id)
        if fill is None:
            return Rejected(RejectCode.UNKNOWN_TRADE, f"no trade {trade_id}", self._time.now())
        entries = await self._journal.entries_of_venue_order(account_id, fill.venue_order_id)
        order = order_state(entries, fill.venue_order_id)
        assert order is not None
        side = order.terms.side
        return await self._request(lambda now: self._engine.bust(fill, side, reason, now))

    async def _request(self, make_step: Callable[[datetime], Step]) -> Outcome:
        now = self._time.now()
        if self._writer.is_stopped:
            return Rejected(RejectCode.UNAVAILABLE, "the venue has stopped", now)
        if self._writer.is_full:
            return Rejected(RejectCode.TOO_MANY_REQUESTS, "the journal is behind", now)
        step = make_step(now)
        assert step.outcome is not None
        try:
            # A refusal waits too: what it rests on (a fill, an end) may not be durable yet.
            await self._write(step)
        except VenueUnavailable as error:
            return Ambiguous(str(error))
        return step.outcome

    def _require_room(self) -> None:
        if self._writer.is_full:
            raise VenueUnavailable("the venue has stopped, or its journal is behind")

    async def _until_durable(self) -> None:
        """An answer must not show what a crash could still undo."""
        await self._writer.write(())

    def _put(self, step: Step) -> None:
        self._snapshots.note_step(step.entries)
        self._writer.put(step.entries)

    async def _write(self, step: Step) -> None:
        self._snapshots.note_step(step.entries)
        await self._writer.write(step.entries)

    async def _watch_deadlines(self) -> None:
        while True:
            await self._clock.sleep(DEADLINE_CHECK)
            if not self._writer.is_full:
                self._put(self._engine.advance(self._time.now()))

    def _publish(self, entry: Entry) -> None:
        self._snapshots.note_durable()
        report = as_report(entry)
        if report is not None:
            self._streams.publish(report)
