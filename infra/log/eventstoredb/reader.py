"""Reads that end, page by page; a page that is lost is read again."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime

from esdbclient.connection import AsyncESDBConnection
from esdbclient.protos.Grpc import streams_pb2

from domain.log import EVERYTHING, START, EventFilter, LogUnavailable, RecordedEvent
from infra.log.eventstoredb import requests
from infra.log.eventstoredb.connection import Connection, ReadCall, receive
from infra.log.eventstoredb.decoding import decode
from infra.log.eventstoredb.failures import Lost
from infra.log.eventstoredb.patience import Patience

MAX_PAGE_BYTES = 8 * 1024 * 1024
"""A page of large events ends early, so that memory stays bounded."""

_BACKWARDS_PAGE = 64

_SCAN_PATIENCE = 6
"""A server may have to look through very many events before it finds those of a filter."""

ReadEvent = streams_pb2.ReadResp.ReadEvent


class Page:
    """What one call brought: our events, and where the next page starts."""

    def __init__(self) -> None:
        self.events: list[RecordedEvent] = []
        self.messages = 0
        self.last: ReadEvent | None = None
        self.is_full = False
        self._bytes = 0

    def add(self, message: ReadEvent) -> None:
        self.messages += 1
        self.last = message
        event = decode(message)
        if event is not None:
            self.events.append(event)
            self._bytes += len(event.data) + len(event.metadata)
            self.is_full = self._bytes >= MAX_PAGE_BYTES

    def is_last(self, asked: int) -> bool:
        """Whether the server had no more."""
        return self.messages < asked and not self.is_full


class Reader:
    """Reads through one shared connection, which it renews when a call on it is lost."""

    def __init__(self, connection: Connection, patience: Patience) -> None:
        self._connection = connection
        self._patience = patience

    async def read_stream(
        self, stream: str, after_version: int, page_size: int
    ) -> AsyncGenerator[Sequence[RecordedEvent]]:
        """Versions count from 1, revisions from 0: after version n is from revision n."""
        revision = after_version
        while True:
            page = await self._page(requests.of_stream(stream, revision, page_size))
            if page.events:
                yield page.events
            if page.is_last(page_size) or page.last is None:
                return
            revision = page.last.event.stream_revision + 1

    async def read_all(
        self,
        after: int,
        until: int | None,
        until_time: datetime | None,
        only: EventFilter,
        page_size: int,
    ) -> AsyncGenerator[Sequence[RecordedEvent]]:
        """To the head as it is at the start: writers cannot keep a reader going for ever."""
        head = await self.head()
        bound = head if until is None else min(head, until)
        position = after
        while position < bound:
            # The server includes the event at the position itself.
            count = page_size + 1 if position > START else page_size
            page = await self._page(requests.of_all(position, only, count), _SCAN_PATIENCE)
            events = _within(page.events, position, bound, only)
            timely = _recorded_until(events, until_time)
            if timely:
                yield timely
            if page.last is None or page.is_last(count) or len(timely) < len(events):
                return
            position = page.last.event.commit_position

    async def read_back(
        self, until: int | None, page_size: int
    ) -> AsyncGenerator[Sequence[RecordedEvent]]:
        """Backwards, the server leaves out the event at the position itself."""
        if until is not None:
            page = await self._page(requests.of_all(until, EVERYTHING, 1), _SCAN_PATIENCE)
            at_position = [event for event in page.events if event.position == until]
            if at_position:
                yield at_position
        before = until
        while True:
            page = await self._page(requests.backwards(before, page_size), _SCAN_PATIENCE)
            if page.events:
                yield page.events
            if page.last is None or page.is_last(page_size):
                return
            before = page.last.event.commit_position

    async def head(self) -> int:
        """The last event of ours; what others append after it does not count."""
        before, count = None, 1
        while True:
            page = await self._page(requests.backwards(before, count))
            if page.events:
                return page.events[0].position
            if page.last is None or page.is_last(count):
                return START
            before, count = page.last.event.commit_position, _BACKWARDS_PAGE

    async def _page(self, request: streams_pb2.ReadReq, most: int = 1) -> Page:
        """Raises LogUnavailable once patience has run out, and LogFailed.

        Every try may take longer than the one before, up to ``most`` times a page's deadline.
        """
        delays = self._patience.delays()
        for attempt in range(1, self._patience.attempts + 1):
            node = self._connection.node
            try:
                if node is None:
                    await self._connection.renew(node)
                seconds = self._patience.page * min(attempt, most)
                return await _collect(self._connection.read(request, seconds))
            except Lost as lost:
                if attempt == self._patience.attempts:
                    raise LogUnavailable(f"read failed {attempt} times: {lost}") from lost
                await asyncio.sleep(next(delays))
                await self._renew(node, lost)
        raise AssertionError("patience allows no attempt")

    async def _renew(self, node: AsyncESDBConnection | None, lost: Lost) -> None:
        try:
            await self._connection.renew(node, lost.leader)
        except Lost:
            return  # the next attempt fails on the old channel and says so


async def _collect(call: ReadCall) -> Page:
    page = Page()
    try:
        while (response := await receive(call)) is not None:
            match response.WhichOneof("content"):
                case "event":
                    page.add(response.event)
                    if page.is_full:
                        return page
                case "stream_not_found":
                    return page
        return page
    finally:
        call.cancel()


def _within(
    events: Sequence[RecordedEvent], after: int, until: int, only: EventFilter
) -> list[RecordedEvent]:
    return [event for event in events if after < event.position <= until and only.admits(event)]


def _recorded_until(
    events: Sequence[RecordedEvent], instant: datetime | None
) -> Sequence[RecordedEvent]:
    """The events before the first one that is later."""
    if instant is None:
        return events
    for index, event in enumerate(events):
        if event.recorded_at > instant:
            return events[:index]
    return events
