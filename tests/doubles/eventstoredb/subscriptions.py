"""Reads that never end: catch up, go live, fall behind, catch up again."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from esdbclient.protos.Grpc import streams_pb2

from tests.doubles.eventstoredb import encoding, refusal
from tests.doubles.eventstoredb.encoding import Encoding
from tests.doubles.eventstoredb.filters import Filter, everything, filter_of, window_of
from tests.doubles.eventstoredb.reads import position_of
from tests.doubles.eventstoredb.record import DELETED_REVISION, TOMBSTONE_TYPE, Record
from tests.doubles.eventstoredb.store import Store, Tombstoned

Options = streams_pb2.ReadReq.Options
Response = streams_pb2.ReadResp

READ_BATCH = 32
LIVE_BUFFER = 32


@dataclass(frozen=True, slots=True)
class Page:
    """One step of catching up: what to send, and how far the server has looked."""

    records: list[Record]
    considered: int
    reached: int
    is_end: bool


class Source(Protocol):
    """What is subscribed to."""

    checkpoint_interval: int | None

    def start(self) -> int:
        """The position after which events are wanted."""
        ...

    def page(self, after: int) -> Page: ...

    def wants(self, record: Record) -> bool: ...


class AllSource:
    """Every stream, filtered or not."""

    def __init__(self, store: Store, options: Options) -> None:
        self._store = store
        self._start = position_of(store, options)
        if options.all.WhichOneof("all_option") == "end":
            self._start = store.last
        self._wanted: Filter = everything
        self.checkpoint_interval: int | None = None
        if options.WhichOneof("filter_option") == "filter":
            self._wanted = filter_of(options.filter)
            self.checkpoint_interval = window_of(options.filter)

    def start(self) -> int:
        return self._start

    def page(self, after: int) -> Page:
        index = self._store.index_after(after)
        window = self._store.records[index : index + READ_BATCH]
        is_end = index + len(window) == len(self._store.records)
        reached = window[-1].position if window else after
        return Page(list(filter(self._wanted, window)), len(window), reached, is_end)

    def wants(self, record: Record) -> bool:
        return self._wanted(record)


class StreamSource:
    """One stream, whether it exists yet or not."""

    def __init__(self, store: Store, options: Options) -> None:
        self._store = store
        self._name = options.stream.stream_identifier.stream_name.decode()
        self._options = options.stream
        self.checkpoint_interval: int | None = None
        self._after_revision = self._start_revision()

    def _start_revision(self) -> int:
        match self._options.WhichOneof("revision_option"):
            case "revision":
                return self._options.revision
            case "end":
                records = self._visible()
                return records[-1].revision if records else -1
            case _:
                return -1

    def start(self) -> int:
        return 0

    def page(self, after: int) -> Page:
        records = [r for r in self._visible() if r.position > after and self.wants(r)]
        page = records[:READ_BATCH]
        reached = page[-1].position if page else after
        return Page(page, len(page), reached, len(page) == len(records))

    def wants(self, record: Record) -> bool:
        return record.stream == self._name and record.revision > self._after_revision

    def _visible(self) -> list[Record]:
        try:
            return self._store.stream(self._name) or []
        except Tombstoned:
            raise refusal.stream_deleted(self._name) from None


@dataclass(slots=True)
class LiveBuffer:
    """The newest records, numbered; a gap in the numbers shows what a slow reader missed."""

    records: deque[tuple[int, Record]] = field(
        default_factory=lambda: deque[tuple[int, Record]](maxlen=LIVE_BUFFER)
    )
    count: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, record: Record) -> None:
        self.count += 1
        self.records.append((self.count, record))
        self.arrived.set()

    async def take(self) -> tuple[int, Record]:
        while not self.records:
            self.arrived.clear()
            await self.arrived.wait()
        return self.records.popleft()


class Subscription:
    """The messages of one subscription, in the server's order."""

    def __init__(self, store: Store, options: Options, unsafe_checkpoints: bool) -> None:
        all_streams = options.WhichOneof("stream_option") == "all"
        self._store = store
        self._source: Source = (AllSource if all_streams else StreamSource)(store, options)
        self._encode = Encoding(
            store, options.resolve_links, options.uuid_option.WhichOneof("content") == "structured"
        )
        self._unsafe = unsafe_checkpoints
        self._live = LiveBuffer()
        self._sequence = 0
        self._sent = self._source.start()
        self._checkpoint = -1
        self._considered = 0

    async def messages(self) -> AsyncIterator[Response]:
        self._store.listen(self._hear)
        try:
            yield encoding.confirmation(str(UUID(int=id(self), version=4)))
            if not self._starts_at_end():
                for message in self._catch_up():
                    yield message
            while True:
                async for message in self._go_live():
                    yield message
                for message in self._catch_up():
                    yield message
        finally:
            self._store.unlisten(self._hear)

    def _starts_at_end(self) -> bool:
        return self._sent >= self._store.last

    def _hear(self, record: Record) -> None:
        self._live.put(record)

    def _catch_up(self) -> Iterator[Response]:
        considered = 0
        while True:
            page = self._source.page(self._sent)
            for record in page.records:
                self._sent = record.position
                yield self._encode.event(record)
            self._sent = max(self._sent, page.reached)
            considered += page.considered
            interval = self._source.checkpoint_interval
            if interval and (page.is_end or considered >= interval):
                considered %= interval
                yield from self._checkpoints(self._sent)
            if page.is_end:
                return

    async def _go_live(self) -> AsyncIterator[Response]:
        """Live records, until one was missed."""
        yield encoding.caught_up()
        self._considered = 0
        while True:
            number, record = await self._live.take()
            in_order = number == self._sequence + 1
            self._sequence = number
            if record.position <= self._sent:
                continue
            messages = self._live_messages(record) if in_order else self._fall_behind()
            for message in messages:
                yield message
            if not in_order:
                return

    def _fall_behind(self) -> Iterator[Response]:
        yield encoding.fell_behind()
        if self._source.checkpoint_interval and self._sent > 0:
            yield from self._checkpoints(self._sent)

    def _live_messages(self, record: Record) -> Iterator[Response]:
        if self._source.wants(record):
            self._sent = record.position
            yield self._encode.event(record)
            ends = record.type == TOMBSTONE_TYPE and record.revision == DELETED_REVISION
            if ends and isinstance(self._source, StreamSource):
                raise refusal.stream_deleted(record.stream)
        self._considered += 1
        interval = self._source.checkpoint_interval
        if interval and self._considered >= interval:
            self._considered = 0
            yield from self._checkpoints(record.position)

    def _checkpoints(self, position: int) -> Iterator[Response]:
        if position <= self._checkpoint:
            return
        self._checkpoint = position
        if self._unsafe:
            # The commit runs ahead of the prepare, past an event that has not been sent.
            yield encoding.checkpoint(self._store.end + 1_000, position)
        else:
            yield encoding.checkpoint(position, position)
