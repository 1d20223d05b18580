"""The events of one stream up to a position of the log."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from domain.log import DEFAULT_PAGE, EventLog, RecordedEvent


async def history(
    log: EventLog,
    stream: str,
    until: int,
    *,
    after_version: int = 0,
    page_size: int = DEFAULT_PAGE,
) -> AsyncGenerator[Sequence[RecordedEvent]]:
    """Non-empty pages in order, up to a position (inclusive); none where there was nothing yet.

    No more is read than the page in which the position lies. Raises what the log raises.
    """
    pages = log.read_stream(stream, after_version=after_version, page_size=page_size)
    async with aclosing(pages):
        async for page in pages:
            if page[-1].position > until:
                if then := [event for event in page if event.position <= until]:
                    yield then
                return
            yield page
