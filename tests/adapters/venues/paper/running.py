"""A paper venue that runs for the length of a ``with`` block."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from adapters.venues.paper.journal import PaperJournal
from adapters.venues.paper.venue import PaperVenue
from domain.clock import Clock
from tests.adapters.venues.paper.scenario import FEES, INSTRUMENTS


@asynccontextmanager
async def running_venue(journal: PaperJournal, clock: Clock) -> AsyncGenerator[PaperVenue]:
    """Stopped at the end as a crash would: at once, whatever is under way."""
    venue = await PaperVenue.open(journal, INSTRUMENTS, FEES, clock)
    run = asyncio.create_task(venue.run())
    try:
        yield venue
    finally:
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
