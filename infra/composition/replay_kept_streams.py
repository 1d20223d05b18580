"""Rows of long streams, kept on the way: what is asked for next begins with them.

They are made by who asks, once a fold has taken long enough to be worth it, and checked as other
snapshots are.
"""

import asyncio
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import structlog

from domain.clock import Clock
from domain.log import START, EventLog, RecordedEvent
from infra.composition.replay_snapshots import require_last, require_tables, tables_digest
from infra.composition.replay_stream_rows import Rows, key_of
from infra.version import code_version
from projections.projection import AnyTable, Projection
from replay.snapshots.contents import Contents, Edition, LastEvent
from replay.snapshots.snapshot_file import SnapshotBad, read_part
from replay.snapshots.store import Kept, SnapshotStore

EVERY = 500
"""Events of a stream that are folded before the rows they make are worth keeping."""

MEGABYTES = 4
"""Room for one stream."""

STREAMS = 100
"""Streams of which anything is kept: those for which it was done last."""

_encode = msgspec.json.Encoder().encode
_logger = structlog.get_logger(__name__)


class Begin(NamedTuple):
    """Where a fold begins, and with which rows: ``version`` of the stream is in them."""

    version: int
    rows: Rows


FROM_THE_START = Begin(START, {})


class KeptStreams:
    """``store`` is of these snapshots alone: its models are streams."""

    def __init__(
        self, store: SnapshotStore, log: EventLog, clock: Clock, *, every: int = EVERY
    ) -> None:
        self._store = store
        self._log = log
        self._clock = clock
        self._every = every

    def is_due(self, begin: Begin, last: RecordedEvent) -> bool:
        """Whether a fold to there was long enough for its rows to be kept."""
        return last.version - begin.version >= self._every

    async def newest(self, projection: Projection, stream: str, until: int) -> Begin:
        """Of what is kept of a stream up to a position, the newest that can be trusted.

        Raises what the log raises.
        """
        edition = Edition(stream, projection.version)
        for kept in await asyncio.to_thread(self._store.kept, edition, until):
            try:
                contents, rows = await asyncio.to_thread(self._read, projection, edition, kept)
                await require_last(self._log, contents.last)
            except SnapshotBad as error:
                await asyncio.to_thread(self._store.refuse, kept, projection.name, error)
            else:
                return Begin(contents.last.version, rows)
        return FROM_THE_START

    async def keep(self, projection: Projection, last: RecordedEvent, rows: Rows) -> None:
        """The rows of a stream that its last event has led to. What fails is told: next time the
        fold is long again, and nothing else."""
        try:
            await asyncio.to_thread(self._write, projection, last, rows)
        except OSError as error:
            _logger.warning("stream_not_kept", stream=last.stream, error=str(error))

    def _read(self, projection: Projection, edition: Edition, kept: Kept) -> tuple[Contents, Rows]:
        """Raises SnapshotBad."""
        with self._store.open(kept) as file:
            contents = self._store.check(file, kept, edition)
            require_tables(projection, contents)
            if contents.last.stream != edition.model:
                raise SnapshotBad("it is of another stream")
            return contents, {
                table.name: _rows(table, read_part(file, contents, number))
                for number, table in enumerate(projection.tables)
            }

    def _write(self, projection: Projection, last: RecordedEvent, rows: Rows) -> None:
        edition = Edition(last.stream, projection.version)
        self._store.tidy(edition)
        begun = self._store.begin(edition, last.position)
        try:
            for table in projection.tables:
                begun.writer.begin()
                begun.writer.write(_encode(list(rows[table.name].values())))
                begun.writer.end(table.name, len(rows[table.name]))
            begun.keep(self._contents(projection, last))
        except BaseException:
            begun.drop()
            raise
        self._store.thin_out(edition, MEGABYTES)
        self._store.forget_all_but(STREAMS)

    def _contents(self, projection: Projection, last: RecordedEvent) -> Contents:
        return Contents(
            model=last.stream,
            model_version=projection.version,
            tables=tables_digest(projection),
            code_version=code_version(),
            position=last.position,
            events=last.version,
            taken_at=self._clock.now(),
            last=LastEvent.of(last),
            last_of_log=LastEvent.of(last),
        )


def _rows(table: AnyTable, content: Iterator[bytes]) -> dict[tuple[object, ...], msgspec.Struct]:
    try:
        rows = msgspec.json.decode(b"".join(content), type=list[table.row])  # type: ignore[name-defined]  # a type at run time
    except (msgspec.DecodeError, ValueError) as error:
        raise SnapshotBad(f"{table.name}: {error}") from error
    return {key_of(table, row): row for row in rows}
