"""Every implementation of the venue port, as the conformance suite drives it.

A new implementation adds a factory to VENUES and has the whole suite.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal

import pytest

from adapters.venues.paper.journal import PaperJournal
from adapters.venues.paper.postgres_journal import PostgresJournal, journal_pool
from adapters.venues.paper.venue import PaperVenue
from domain.fees import FeeSchedule
from domain.instrument import Instrument
from domain.market_data import MarketEvent
from domain.venue import Venue
from tests.doubles.manual_clock import ManualClock
from tests.doubles.memory_paper_journal import MemoryPaperJournal

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


@dataclass(frozen=True)
class VenueUnderTest:
    """A venue without orders and what may happen to it.

    It trades INSTRUMENT for FEES. ``market``: what the public sees there, and trades there.
    ``clock`` is the time the venue lives in. ``restart`` ends the venue as a crash would and
    gives the one that comes after it.
    """

    venue: Venue
    clock: ManualClock
    market: Callable[[MarketEvent], None]
    restart: Callable[[], Awaitable["VenueUnderTest"]]


Opener = Callable[[], AbstractAsyncContextManager[VenueUnderTest]]
Factory = Callable[[pytest.FixtureRequest], Opener]
"""Takes from the request the fixtures it needs (no loop runs yet), gives what opens the venue."""


def paper_in_memory(request: pytest.FixtureRequest) -> Opener:
    del request

    @asynccontextmanager
    async def open_venue() -> AsyncIterator[VenueUnderTest]:
        async with _PaperHost(MemoryPaperJournal(), ManualClock()) as host:
            yield await host.start()

    return open_venue


def paper_on_postgres(request: pytest.FixtureRequest) -> Opener:
    dsn: str = request.getfixturevalue("postgres_dsn")

    @asynccontextmanager
    async def open_venue() -> AsyncIterator[VenueUnderTest]:
        clock = ManualClock()
        async with journal_pool(dsn) as pool:
            journal = await PostgresJournal.open(pool, clock)
            async with _PaperHost(journal, clock) as host:
                yield await host.start()

    return open_venue


VENUES: dict[str, Factory] = {
    "paper_in_memory": paper_in_memory,
    "paper_on_postgres": paper_on_postgres,
}


class _Instruments:
    def get(self, symbol: str) -> Instrument | None:
        return INSTRUMENT if symbol == INSTRUMENT.symbol else None

    def all(self) -> tuple[Instrument, ...]:
        return (INSTRUMENT,)


class _PaperHost:
    """Runs one paper venue after the other on the same journal."""

    def __init__(self, journal: PaperJournal, clock: ManualClock) -> None:
        self._journal = journal
        self._clock = clock
        self._run: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "_PaperHost":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()

    async def start(self) -> VenueUnderTest:
        await self._stop()
        venue = await PaperVenue.open(self._journal, _Instruments(), FEES, self._clock)
        self._run = asyncio.create_task(venue.run())
        return VenueUnderTest(venue, self._clock, venue.on_market, self.start)

    async def _stop(self) -> None:
        if self._run is not None:
            self._run.cancel()
            await asyncio.gather(self._run, return_exceptions=True)
