"""The log in memory: streams, positions, expected versions, idempotency, deletion."""

import asyncio
import json
import random
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from tests.doubles.eventstoredb.record import (
    DELETED_REVISION,
    JSON,
    METADATA_TYPE,
    TOMBSTONE_TYPE,
    Proposed,
    Record,
)

NO_STREAM = -1
ANY = -2
EXISTS = -4

_FIRST_POSITION = 137
_RECORD_OVERHEAD = 87
_MICROSECOND = 10
_NEVER_SEEN = UUID(int=0)


class WrongVersion(Exception):
    """The stream is at ``current`` (-1: it does not exist), not where the writer expected it."""

    def __init__(self, current: int) -> None:
        super().__init__(current)
        self.current = current


class Tombstoned(Exception):
    """The stream was deleted for good."""


@dataclass(slots=True)
class Stream:
    """One stream. A record's index is its revision; truncation hides records, nothing leaves."""

    records: list[Record] = field(default_factory=list)
    tombstoned: bool = False
    max_count: int | None = None
    max_age_seconds: int | None = None
    truncate_before: int = 0

    @property
    def last(self) -> int:
        return len(self.records) - 1

    @property
    def soft_deleted(self) -> bool:
        return self.truncate_before == DELETED_REVISION


def system_ticks() -> int:
    """The server's clock: 100 ns ticks since 1970, a whole number of microseconds."""
    return time.time_ns() // 1_000 * _MICROSECOND


class Store:
    """All state of the server; several nodes and connections share one."""

    def __init__(self, clock: Callable[[], int] = system_ticks, seed: int = 0) -> None:
        self.records: list[Record] = []
        self._positions: list[int] = []
        self._streams: dict[str, Stream] = {}
        self._ids: dict[UUID, Record] = {}
        self._end = _FIRST_POSITION
        self._clock = clock
        self._random = random.Random(seed)
        self._listeners: set[Callable[[Record], None]] = set()

    @property
    def end(self) -> int:
        """Where the next record will stand."""
        return self._end

    @property
    def last(self) -> int:
        """Where the last record stands, 0 if there is none."""
        return self._positions[-1] if self._positions else 0

    def listen(self, listener: Callable[[Record], None]) -> None:
        self._listeners.add(listener)

    def unlisten(self, listener: Callable[[Record], None]) -> None:
        self._listeners.discard(listener)

    async def holds(self, count: int) -> None:
        """Wait until there are so many records."""
        enough = asyncio.Event()

        def look(_: Record | None = None) -> None:
            if len(self.records) >= count:
                enough.set()

        look()
        self.listen(look)
        await enough.wait()
        self.unlisten(look)

    def append(self, name: str, expected: int, events: Sequence[Proposed]) -> tuple[int, int]:
        """Append all or nothing; (position, revision) of the last event, original if repeated.

        Raises WrongVersion and Tombstoned.
        """
        repeated = self._check(name, expected, [event.id for event in events])
        if repeated is not None:
            return repeated.position, repeated.revision
        stream = self._streams.setdefault(name, Stream())
        first = stream.last + 1
        if not events:
            return self._end, stream.last
        created = self._clock()
        for event in events:
            record = self._record(name, stream.last + 1, event, created)
            stream.records.append(record)
            self._publish(record)
        last = stream.records[-1]
        self._after_append(name, stream, first)
        return last.position, last.revision

    def delete(self, name: str, expected: int) -> int:
        """Soft delete; the position of the metadata that says so."""
        self._check(name, expected, [self._new_id()])
        return self._write_metadata(name, {"$tb": DELETED_REVISION})

    def tombstone(self, name: str, expected: int) -> int:
        """Delete for good; the position of the tombstone."""
        self._check(name, expected, [self._new_id()])
        stream = self._streams.setdefault(name, Stream())
        stream.tombstoned = True
        proposed = Proposed(self._new_id(), TOMBSTONE_TYPE, JSON, b"", b"")
        record = self._record(name, DELETED_REVISION, proposed, self._clock())
        self._publish(record)
        return record.position

    def stream(self, name: str) -> list[Record] | None:
        """What a reader of a stream sees, None if there is no such stream. Raises Tombstoned."""
        stream = self._streams.get(name)
        if stream is None:
            return None
        if stream.tombstoned:
            raise Tombstoned
        if stream.soft_deleted or not stream.records:
            return None
        return self._visible(stream)

    def resolve(self, link: Record) -> Record | None:
        """The event that a link names, None if there is none (any more)."""
        number, _, name = link.data.decode().partition("@")
        stream = self._streams.get(name)
        if stream is None or stream.tombstoned or stream.soft_deleted:
            return None
        index = int(number)
        return stream.records[index] if index <= stream.last else None

    def is_position(self, position: int) -> bool:
        """Whether a record starts there, or nothing is there yet."""
        if position == 0 or position >= self._end:
            return True
        index = bisect_left(self._positions, position)
        return index < len(self._positions) and self._positions[index] == position

    def index_from(self, position: int) -> int:
        """Index in ``records`` of the first one at or after a position."""
        return bisect_left(self._positions, position)

    def index_after(self, position: int) -> int:
        """Index in ``records`` of the first one after a position."""
        return bisect_right(self._positions, position)

    def _check(self, name: str, expected: int, ids: Iterable[UUID]) -> Record | None:
        """The last of the records that these ids already are at that version, None to write."""
        stream = self._streams.get(name, Stream())
        if stream.tombstoned:
            raise Tombstoned
        if expected == EXISTS:
            self._check_exists(name, stream)
        if expected in (ANY, EXISTS):
            return self._repeated_anywhere(name, stream, ids)
        if expected < stream.last:
            return self._repeated_at(stream, expected, ids)
        if expected > stream.last:
            raise WrongVersion(stream.last)
        return None

    def _check_exists(self, name: str, stream: Stream) -> None:
        if stream.soft_deleted:
            raise Tombstoned
        if not stream.records and f"$${name}" not in self._streams:
            raise WrongVersion(NO_STREAM)

    def _repeated_anywhere(self, name: str, stream: Stream, ids: Iterable[UUID]) -> Record | None:
        found = None
        for index, event_id in enumerate(ids):
            seen = self._ids.get(event_id)
            if seen is None or seen.stream != name:
                if index == 0:
                    return None
                raise WrongVersion(stream.last)
            found = seen
        return found

    @staticmethod
    def _repeated_at(stream: Stream, expected: int, ids: Iterable[UUID]) -> Record | None:
        revision = expected
        for event_id in ids:
            revision += 1
            at = stream.records[revision].id if revision <= stream.last else _NEVER_SEEN
            if at == event_id:
                continue
            undeletes = expected == NO_STREAM and stream.soft_deleted and revision == 0
            if undeletes:
                return None
            raise WrongVersion(stream.last)
        if revision == expected:
            raise WrongVersion(stream.last)
        return stream.records[revision]

    def _record(self, name: str, revision: int, event: Proposed, created: int) -> Record:
        record = Record(
            event.id,
            event.type,
            event.content_type,
            event.data,
            event.metadata,
            name,
            revision,
            self._end,
            created,
        )
        self._end += _RECORD_OVERHEAD + len(name) + event.size
        return record

    def _publish(self, record: Record) -> None:
        self.records.append(record)
        self._positions.append(record.position)
        self._ids[record.id] = record
        for listener in tuple(self._listeners):
            listener(record)

    def _after_append(self, name: str, stream: Stream, first: int) -> None:
        if stream.soft_deleted:
            self._write_metadata(name, {"$tb": first})
        if name.startswith("$$"):
            self._apply_metadata(name[2:], stream.records[-1])

    def _write_metadata(self, name: str, metadata: dict[str, int]) -> int:
        data = json.dumps(metadata).encode()
        event = Proposed(self._new_id(), METADATA_TYPE, JSON, data, b"")
        return self.append(f"$${name}", ANY, [event])[0]

    def _apply_metadata(self, name: str, record: Record) -> None:
        stream = self._streams.setdefault(name, Stream())
        metadata = json.loads(record.data or b"{}")
        stream.max_count = metadata.get("$maxCount")
        stream.max_age_seconds = metadata.get("$maxAge")
        stream.truncate_before = metadata.get("$tb", 0)

    def _visible(self, stream: Stream) -> list[Record]:
        first = stream.truncate_before
        if stream.max_count is not None:
            first = max(first, len(stream.records) - stream.max_count)
        records = stream.records[first:] if first > 0 else stream.records
        if stream.max_age_seconds is None:
            return records
        oldest = self._clock() - stream.max_age_seconds * 1_000_000 * _MICROSECOND
        return [record for record in records if record.created >= oldest]

    def _new_id(self) -> UUID:
        return UUID(int=self._random.getrandbits(128), version=4)
