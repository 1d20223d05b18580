"""Every implementation of the venue port, as the conformance suite drives it.

A new implementation adds a factory to DIRECT and has the whole suite.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal

import pytest

from adapters.venues.paper.journal import PaperJournal
from adapters.venues.paper.postgres_journal import PostgresJournal, journal_pool
from adapters.venues.paper.venue import PaperVenue
from domain.fees import FeeSchedule
from domain.instrument import Instrument
from domain.market_data import MarketEvent
from domain.venue import FillReport, Outcome, Venue
from tests.contract.trader import ACCOUNT, OTHER_ACCOUNT, Trader
from tests.doubles.manual_clock import ManualClock
from tests.doubles.memory_paper_journal import MemoryPaperJournal
from tests.doubles.unreliable_venue import Faults, UnreliableVenue

INSTRUMENT = Instrument(
    symbol="AAAUSDT",
    base_asset="AAA",
    quote_asset="USDT",
    settlement_asset="USDT",
    tick_size=Decimal("0.1"),
    min_price=Decimal("0.1"),
    max_price=Decimal(1000),
    lot_size=Decimal("0.5"),
    min_quantity=Decimal("0.5"),
    max_quantity=Decimal(100),
    market_max_quantity=Decimal(50),
    min_notional=Decimal(5),
)
FEES = FeeSchedule(maker=Decimal("0.0002"), taker=Decimal("0.0004"))

FAULTS = Faults(
    lost_request=0.15,
    late_request=0.15,
    lost_answer=0.15,
    corrupt_answer=0.1,
    unavailable=0.1,
    duplicate_report=0.2,
    reordered_report=0.2,
    gap=0.1,
    delay=0.2,
)
SEEDS = (1, 2, 3)


class VenueUnderTest:
    """A venue without orders that trades INSTRUMENT for FEES, and what may happen to it.

    Each kind of venue says how its market, its operator and its end come about.
    """

    venue: Venue
    clock: ManualClock
    trader: Trader

    def market(self, event: MarketEvent) -> None:
        """What the public sees there, and trades there."""
        raise NotImplementedError

    async def bust(self, fill: FillReport) -> Outcome:
        """The venue's operator takes an execution back."""
        raise NotImplementedError

    async def restart(self) -> None:
        """End the venue as a crash would; ``venue`` is then the one that comes after it."""
        raise NotImplementedError

    async def note_balances(self) -> None:
        """What the accounts own before the test."""
        for account_id in (ACCOUNT, OTHER_ACCOUNT):
            self.trader.begun_with[account_id] = await self.trader.balances(account_id)


Opener = Callable[[], AbstractAsyncContextManager[VenueUnderTest]]
Factory = Callable[[pytest.FixtureRequest], Opener]
"""Takes from the request the fixtures it needs (no loop runs yet), gives what opens the venue."""


class PaperUnderTest(VenueUnderTest):
    """Runs one paper venue after the other on the same journal."""

    def __init__(self, journal: PaperJournal, clock: ManualClock) -> None:
        self.clock = clock
        self.trader = Trader(lambda: self.venue, clock, bad_network=False)
        self._journal = journal
        self._run: asyncio.Task[None] | None = None

    def market(self, event: MarketEvent) -> None:
        self.paper.on_market(event)

    async def bust(self, fill: FillReport) -> Outcome:
        return await self.paper.bust(fill.account_id, fill.symbol, fill.trade_id, "erroneous")

    async def restart(self) -> None:
        await self.stop()
        self.venue = self.paper = await PaperVenue.open(
            self._journal, _Instruments(), FEES, self.clock
        )
        self._run = asyncio.create_task(self.paper.run())

    async def stop(self) -> None:
        if self._run is not None:
            self._run.cancel()
            await asyncio.gather(self._run, return_exceptions=True)


class UnreliableUnderTest(PaperUnderTest):
    """The paper venue behind a bad network."""

    def __init__(self, clock: ManualClock, seed: int) -> None:
        super().__init__(MemoryPaperJournal(), clock)
        self.trader = Trader(lambda: self.venue, clock, bad_network=True)
        self._dice = random.Random(seed)
        self._network: UnreliableVenue | None = None
        self._network_run: asyncio.Task[None] | None = None

    async def restart(self) -> None:
        await super().restart()
        if self._network is None:
            self._network = UnreliableVenue(self.paper, FAULTS, self._dice, self.clock)
            self._network_run = asyncio.create_task(self._network.run())
        self._network.inner = self.paper
        self.venue = self._network

    async def close_network(self) -> None:
        if self._network_run is not None:
            self._network_run.cancel()
            await asyncio.gather(self._network_run, return_exceptions=True)


def paper_in_memory(request: pytest.FixtureRequest) -> Opener:
    del request

    @asynccontextmanager
    async def open_venue() -> AsyncIterator[VenueUnderTest]:
        under_test = PaperUnderTest(MemoryPaperJournal(), ManualClock())
        await under_test.restart()
        yield under_test
        await under_test.stop()

    return open_venue


def paper_on_postgres(request: pytest.FixtureRequest) -> Opener:
    dsn: str = request.getfixturevalue("venue_dsn")

    @asynccontextmanager
    async def open_venue() -> AsyncIterator[VenueUnderTest]:
        clock = ManualClock()
        async with journal_pool(dsn) as pool:
            await pool.execute("DROP SCHEMA IF EXISTS paper_venue CASCADE")
            under_test = PaperUnderTest(await PostgresJournal.open(pool, clock), clock)
            await under_test.restart()
            yield under_test
            await under_test.stop()

    return open_venue


def unreliable(seed: int) -> Factory:
    def factory(request: pytest.FixtureRequest) -> Opener:
        del request

        @asynccontextmanager
        async def open_venue() -> AsyncIterator[VenueUnderTest]:
            under_test = UnreliableUnderTest(ManualClock(), seed)
            await under_test.restart()
            yield under_test
            await under_test.stop()
            await under_test.close_network()

        return open_venue

    return factory


DIRECT: dict[str, Factory] = {
    "paper_in_memory": paper_in_memory,
    "paper_on_postgres": paper_on_postgres,
}
UNRELIABLE: dict[str, Factory] = {
    f"paper_behind_bad_network_{seed}": unreliable(seed) for seed in SEEDS
}
VENUES = DIRECT | UNRELIABLE


class _Instruments:
    def get(self, symbol: str) -> Instrument | None:
        return INSTRUMENT if symbol == INSTRUMENT.symbol else None

    def all(self) -> tuple[Instrument, ...]:
        return (INSTRUMENT,)
