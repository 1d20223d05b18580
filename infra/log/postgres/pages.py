"""Pages read ahead: the next one is fetched while the caller works on the present one."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

from domain.log import RecordedEvent

Page = Sequence[RecordedEvent]
Fetch = Callable[[int], Awaitable[Page]]
"""Fetches the page after a cursor; an empty one is the end."""


async def read_ahead(
    fetch: Fetch, cursor_of: Callable[[RecordedEvent], int], after: int, end: int
) -> AsyncGenerator[Page]:
    """Non-empty pages until ``end`` or an empty page; two of them in memory at most."""
    ahead = asyncio.ensure_future(fetch(after))
    try:
        while page := await ahead:
            cursor = cursor_of(page[-1])
            if cursor >= end:
                yield page
                return
            ahead = asyncio.ensure_future(fetch(cursor))
            yield page
    finally:
        # Nobody wants this page any more; its connection must be back before the reader is closed.
        ahead.cancel()
        await asyncio.gather(ahead, return_exceptions=True)
