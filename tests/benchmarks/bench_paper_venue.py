"""From a market frame's bytes to the durable report of its fill; a start on a long journal."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from time import perf_counter

import asyncpg

from adapters.market.binance_frames import decode
from adapters.venues.paper.postgres_journal import PostgresJournal, journal_pool
from adapters.venues.paper.recovery import recover
from adapters.venues.paper.snapshot import seal
from adapters.venues.paper.snapshot_keeper import EVERY
from adapters.venues.paper.venue import PaperVenue
from domain.fees import FeeSchedule
from domain.instrument import Instrument
from domain.order.terms import OrderTerms, OrderType, Side
from domain.venue import Accepted, FillReport, Report, VenueOrder
from infra.clock import SystemClock
from tests.benchmarks.harness import Bench, Result, percentile
from tests.benchmarks.long_journal import ACCOUNTS, SYMBOL, write_long_journal

FRAMES = 2_000
WARM_UP = 200
FRAMES_A_SECOND = 200
LIMIT_MS = 5.0

JOURNAL_ENTRIES = 1_000_000
WORKING_ORDERS = 500
OPEN_LIMIT_S = 2.0


async def run(bench: Bench) -> list[Result]:
    frames = bench.scaled(FRAMES, least=100)
    async with running_venue(bench.postgres_dsn) as venue:
        await delays(venue, WARM_UP, "warm")
        measured = await delays(venue, frames, "x")
    entries = bench.scaled(JOURNAL_ENTRIES, least=20_000)
    return [
        *fill_results(measured),
        Result.at_most(
            f"paper venue opened, {entries:,} journal entries, {WORKING_ORDERS} working orders",
            await time_to_open(bench.postgres_dsn, entries),
            "s",
            OPEN_LIMIT_S,
        ),
    ]


def fill_results(measured: list[float]) -> list[Result]:
    return [
        Result.at_most(
            f"recorded frame to paper fill, {FRAMES_A_SECOND} a second, p99",
            percentile(measured, 0.99) * 1_000,
            "ms",
            LIMIT_MS,
        ),
        Result.at_most(
            f"recorded frame to paper fill, {FRAMES_A_SECOND} a second, median",
            percentile(measured, 0.5) * 1_000,
            "ms",
            LIMIT_MS,
        ),
    ]


@asynccontextmanager
async def running_venue(dsn: str) -> AsyncIterator[PaperVenue]:
    clock = SystemClock()
    async with journal_pool(dsn) as pool:
        journal = await PostgresJournal.open(pool, clock)
        venue = await PaperVenue.open(
            journal, OneInstrument(), FeeSchedule(Decimal("0.0002"), Decimal("0.0004")), clock
        )
        run = asyncio.create_task(venue.run())
        try:
            yield venue
        finally:
            run.cancel()
            await asyncio.gather(run, return_exceptions=True)


async def delays(venue: PaperVenue, frames: int, name: str) -> list[float]:
    """Seconds from each frame's bytes to the fill of the order that waited for it."""
    reports = venue.reports()
    measured: list[float] = []
    begun = perf_counter()
    for number in range(frames):
        order = waiting_order(f"{name}-{number}", number)
        assert isinstance(await venue.submit(order), Accepted)
        await asyncio.sleep(max(0.0, begun + number / FRAMES_A_SECOND - perf_counter()))
        before = perf_counter()
        venue.on_market(decode(frame_for(number)))
        await fill_of(reports, order.client_order_id)
        measured.append(perf_counter() - before)
    await reports.aclose()
    return measured


async def time_to_open(dsn: str, entries: int) -> float:
    """Seconds to open a venue again, right before it would have taken its next snapshot."""
    async with asyncpg.create_pool(dsn, min_size=1, max_size=1) as pool:
        await pool.execute("DROP SCHEMA paper_venue CASCADE")
    tail = EVERY - 1
    await write_long_journal(dsn, 1, entries - tail, WORKING_ORDERS)
    await take_snapshot(dsn)
    await write_long_journal(dsn, entries - tail + 1, entries, WORKING_ORDERS)
    begun = perf_counter()
    async with running_venue(dsn) as venue:
        opened = perf_counter() - begun
        asked = [venue.open_orders(f"account-{number}") for number in range(ACCOUNTS)]
        working = [order for orders in await asyncio.gather(*asked) for order in orders]
        assert len(working) in (WORKING_ORDERS, WORKING_ORDERS + 1)  # one may be about to fill
    return opened


async def take_snapshot(dsn: str) -> None:
    """As a venue does that starts on a long journal for the first time."""
    async with journal_pool(dsn) as pool:
        journal = await PostgresJournal.open(pool, SystemClock())
        recovered = await recover(journal)
        assert recovered.last_entry is not None
        await journal.save_snapshot(
            seal(recovered.position, recovered.last_entry, recovered.book.state())
        )


async def fill_of(reports: AsyncGenerator[Report], client_order_id: str) -> None:
    async for report in reports:
        if isinstance(report, FillReport) and report.client_order_id == client_order_id:
            return


def waiting_order(name: str, number: int) -> VenueOrder:
    """In turns a buyer below the market and a seller above it: for a quote, then for a trade."""
    side, price = ((Side.BUY, "9.0"), (Side.SELL, "11.0"))[number % 2]
    terms = OrderTerms(SYMBOL, side, OrderType.LIMIT, Decimal(1), Decimal(price))
    return VenueOrder(name, "a", terms)


def frame_for(number: int) -> bytes:
    """A quote whose ask reaches the buyer, or a trade at the seller's price."""
    if number % 2:
        return (
            b'{"stream":"aaausdt@aggTrade","data":{"e":"aggTrade","E":1626992741063,"a":%d,'
            b'"s":"AAAUSDT","p":"11.0","q":"5","f":%d,"l":%d,"T":1626992741060,"m":false}}'
            % (number, number, number)
        )
    return (
        b'{"stream":"aaausdt@bookTicker","data":{"e":"bookTicker","u":%d,"s":"AAAUSDT",'
        b'"b":"8.9","B":"6","a":"9.0","A":"297","T":1626992741163,"E":1626992741167}}' % number
    )


class OneInstrument:
    """Implements domain.instrument.Instruments."""

    _instrument = Instrument(
        symbol=SYMBOL,
        base_asset="AAA",
        quote_asset="USDT",
        settlement_asset="USDT",
        tick_size=Decimal("0.1"),
        min_price=Decimal(0),
        max_price=Decimal(0),
        lot_size=Decimal(1),
        min_quantity=Decimal(1),
        max_quantity=Decimal(1000),
        market_max_quantity=Decimal(1000),
        min_notional=Decimal(0),
    )

    def get(self, symbol: str) -> Instrument | None:
        return self._instrument if symbol == SYMBOL else None

    def all(self) -> tuple[Instrument, ...]:
        return (self._instrument,)
