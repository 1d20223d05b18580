"""A venue in a process of its own that trades and says what it was told, until it is killed."""

import asyncio
import itertools
import sys
from collections.abc import AsyncGenerator

import msgspec

from adapters.venues.paper.postgres_journal import PostgresJournal, journal_pool
from adapters.venues.paper.venue import PaperVenue
from domain.clock import Clock
from domain.venue import Accepted, OrderReport, Outcome, Report, VenueOrder
from infra.clock import SystemClock
from tests.adapters.venues.paper.running import running_venue
from tests.adapters.venues.paper.scenario import quote, terms


class Told(msgspec.Struct):
    """One line of the child's output: an accepted order, or a report."""

    client_order_id: str
    outcome: Outcome | None = None
    report: Report | None = None


def tell(told: Told) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(told) + b"\n")
    sys.stdout.buffer.flush()


def order_of(name: str, number: int) -> VenueOrder:
    side = "buy" if number % 3 else "sell"
    if number % 2:
        return VenueOrder(name, "a", terms(side, "market", "1"))
    return VenueOrder(name, "a", terms(side, "limit", "1", limit_price="10.0"))


async def listen(reports: AsyncGenerator[Report]) -> None:
    async for report in reports:
        assert isinstance(report, OrderReport)
        tell(Told(report.client_order_id, report=report))


async def trade(venue: PaperVenue, trader: str) -> None:
    for number in itertools.count():
        name = f"{trader}-{number}"
        outcome = await venue.submit(order_of(name, number))
        if isinstance(outcome, Accepted):
            tell(Told(name, outcome=outcome))


async def feed(venue: PaperVenue, clock: Clock) -> None:
    quotes = itertools.cycle((quote("9.9", "10.1"), quote("10.0", "10.2")))
    for each in quotes:
        venue.on_market(each)
        await clock.sleep(0.001)


async def main(dsn: str, life: str) -> None:
    clock = SystemClock()
    async with journal_pool(dsn) as pool:
        journal = await PostgresJournal.open(pool, clock)
        async with running_venue(journal, clock) as venue, asyncio.TaskGroup() as tasks:
            tasks.create_task(listen(venue.reports()))
            tasks.create_task(feed(venue, clock))
            for trader in "xyz":
                tasks.create_task(trade(venue, f"{life}-{trader}"))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
