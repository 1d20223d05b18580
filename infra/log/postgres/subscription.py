"""Following the log: catch up in pages, then live, and over again whenever it has grown."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

from domain.log import CaughtUp, EventFilter
from infra.log.postgres.pages import Page
from infra.log.postgres.reader import Reader

POLL_SECONDS = 1.0
"""How late an event may be whose notification was lost."""


async def follow(
    reader: Reader, wakeup: asyncio.Event, after: int, only: EventFilter, page_size: int
) -> AsyncGenerator[Page | CaughtUp]:
    """Pages after a position, then as they come; CaughtUp whenever there is no more to deliver."""
    told = False
    while True:
        wakeup.clear()  # before looking: what comes later sets it again
        head = await reader.head()
        async with aclosing(reader.all_pages(after, head, only, page_size)) as pages:
            async for page in pages:
                told = False
                yield page
        after = max(after, head)
        if not told:
            told = True
            yield CaughtUp()
        await _wait(wakeup)


async def _wait(wakeup: asyncio.Event) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(POLL_SECONDS):
            await wakeup.wait()
