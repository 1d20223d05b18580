"""What a subscription has received and its reader has not: bounded, in order, resumable."""

import asyncio
from collections import deque
from collections.abc import Sequence
from itertools import islice

from esdbclient.protos.Grpc import streams_pb2

from domain.log import CaughtUp, EventFilter, RecordedEvent
from infra.log.eventstoredb.decoding import decode
from infra.log.eventstoredb.reader import MAX_PAGE_BYTES


class Feed:
    """Filled by one task, emptied by another."""

    def __init__(self, after: int, only: EventFilter, page_size: int) -> None:
        self.position = after
        """Of the last event received: where to resume. Never one that the server only names."""
        self._only = only
        self._page_size = page_size
        self._events: deque[RecordedEvent] = deque()
        self._bytes = 0
        self._is_live = False
        self._must_flush = True
        self._owes_caught_up = True
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._has_ended = False
        self._error: BaseException | None = None

    def confirmed(self) -> None:
        """Events that are stored already come now: whole pages, until the server says caught up."""
        self._must_flush = False

    def caught_up(self) -> None:
        self._is_live = self._must_flush = True
        self._changed.set()

    def fell_behind(self) -> None:
        """Not live any more, by its own pace or by a lost connection: hand on what is here."""
        self._is_live, self._must_flush = False, True
        self._changed.set()

    def end(self, error: BaseException | None) -> None:
        """The reader gets what is here, then the error or the end."""
        self._has_ended = True
        self._error = error
        self._must_flush = True
        self._changed.set()

    def put(self, message: streams_pb2.ReadResp.ReadEvent) -> None:
        position = message.event.commit_position
        if position <= self.position:
            return
        self.position = position
        event = decode(message)
        if event is None or not self._only.admits(event):
            return
        self._events.append(event)
        self._bytes += _size(event)
        if self._is_page():
            self._changed.set()

    async def room(self) -> None:
        """Wait until the reader has made room: the server must wait then too."""
        while len(self._events) >= 2 * self._page_size or self._bytes >= 2 * MAX_PAGE_BYTES:
            self._room.clear()
            await self._room.wait()

    async def take(self) -> Sequence[RecordedEvent] | CaughtUp | None:
        """The next page, or CaughtUp once for all that was delivered before it; None at the end."""
        while True:
            if self._is_page():
                return self._take_page()
            if self._is_live and self._owes_caught_up and not self._events:
                self._owes_caught_up = False
                return CaughtUp()
            if self._error is not None:
                raise self._error
            if self._has_ended:
                return None
            self._changed.clear()
            await self._changed.wait()

    def _is_page(self) -> bool:
        if self._must_flush:
            return bool(self._events)
        return len(self._events) >= self._page_size or self._bytes >= MAX_PAGE_BYTES

    def _take_page(self) -> list[RecordedEvent]:
        page: list[RecordedEvent] = []
        taken = 0
        for event in islice(self._events, self._page_size):
            if taken >= MAX_PAGE_BYTES:
                break
            page.append(event)
            taken += _size(event)
        for _ in page:
            self._events.popleft()
        self._bytes -= taken
        self._owes_caught_up = True
        self._room.set()
        return page


def _size(event: RecordedEvent) -> int:
    return len(event.data) + len(event.metadata)
