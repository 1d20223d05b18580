"""The paper venue's journal in Postgres, in a schema of its own."""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from importlib.resources import files
from typing import NamedTuple

import asyncpg
import msgspec
import structlog

from adapters.venues.paper.entry import Entry, OrderEntry, Transferred, decode, encode
from adapters.venues.paper.journal import JournalFailed
from adapters.venues.paper.snapshot import Snapshot
from domain.clock import Clock
from domain.venue import FillReport, VenueUnavailable

_sql = files(__package__)
SCHEMA = (_sql / "schema.sql").read_text()
APPEND = (_sql / "append.sql").read_text()
LOAD = (_sql / "load.sql").read_text()
COUNT_HELD = (_sql / "count_held.sql").read_text()
ENTRIES_OF_ORDER = (_sql / "entries_of_order.sql").read_text()
ENTRIES_OF_VENUE_ORDER = (_sql / "entries_of_venue_order.sql").read_text()
FIND_FILL = (_sql / "find_fill.sql").read_text()
SNAPSHOTS = (_sql / "snapshots.sql").read_text()
SAVE_SNAPSHOT = (_sql / "save_snapshot.sql").read_text()
PRUNE_SNAPSHOTS = (_sql / "prune_snapshots.sql").read_text()
PUT_SNAPSHOT_ASIDE = (_sql / "put_snapshot_aside.sql").read_text()
FILLS_SINCE = (_sql / "fills_since.sql").read_text()

PAGE = 5_000

SNAPSHOTS_KEPT = 3

PAUSES = (0.05, 0.1, 0.25, 0.5, *(1.0 for _ in range(120)))
"""Seconds between attempts: a database that is away for two minutes is waited for."""

_NO_ANSWER = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the connection ended between two messages of one statement
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
)

_logger = structlog.get_logger(__name__)


class _Rows(NamedTuple):
    """Entries by column."""

    sequences: list[int]
    kinds: list[str]
    account_ids: list[str]
    client_order_ids: list[str]
    times: list[datetime]
    entries: list[str]


def journal_pool(dsn: str) -> "asyncpg.Pool[asyncpg.Record]":
    """Connections for a journal alone: one that writes, and one for questions meanwhile.

    The journal leaves nothing behind in a session, so the round trip that would clean it is saved.
    """
    return asyncpg.create_pool(dsn, min_size=1, max_size=2, reset=_leave_as_it_is)


async def _leave_as_it_is(connection: object) -> None:
    del connection


class PostgresJournal:
    """Two venues on one journal cannot both write: the second to take a place in it fails."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    @classmethod
    async def open(cls, pool: "asyncpg.Pool[asyncpg.Record]", clock: Clock) -> "PostgresJournal":
        """Create what is missing of the schema."""
        await pool.execute(SCHEMA)
        return cls(pool, clock)

    async def load(self, after: int = 0) -> AsyncGenerator[Sequence[Entry]]:
        last = after
        while rows := await self._pool.fetch(LOAD, last, PAGE):
            sequences = [row["sequence"] for row in rows]
            if sequences != list(range(last + 1, last + 1 + len(rows))):
                raise JournalFailed(f"the journal has a gap after entry {last}")
            yield _entries(rows)
            last = sequences[-1]

    async def append(self, after: int, entries: Sequence[Entry]) -> None:
        rows = _rows(after, entries)
        for pause in PAUSES:
            try:
                await self._insert(rows)
            except _NO_ANSWER as error:
                _logger.warning("paper_journal_no_answer", error=repr(error), retry_in=pause)
                await self._clock.sleep(pause)
            else:
                return
        raise JournalFailed("the journal's database does not answer")

    async def snapshots(self) -> Sequence[Snapshot]:
        rows = await self._pool.fetch(SNAPSHOTS)
        return [Snapshot(**dict(row)) for row in rows]

    async def put_snapshot_aside(self, sequence: int, reason: str) -> None:
        await self._pool.execute(PUT_SNAPSHOT_ASIDE, sequence, reason)

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        try:
            await self._pool.execute(SAVE_SNAPSHOT, *msgspec.structs.astuple(snapshot))
            await self._pool.execute(PRUNE_SNAPSHOTS, SNAPSHOTS_KEPT)
        except (*_NO_ANSWER, asyncpg.PostgresError) as error:
            raise VenueUnavailable(f"the journal's database does not answer: {error}") from error

    async def fills_since(self, account_id: str, at: datetime) -> Sequence[FillReport]:
        return _fills(await self._fetch(FILLS_SINCE, account_id, at))

    async def find_fill(self, account_id: str, symbol: str, trade_id: str) -> FillReport | None:
        fills = _fills(await self._fetch(FIND_FILL, account_id, symbol, trade_id))
        return fills[0] if fills else None

    async def entries_of(self, account_id: str, client_order_id: str) -> Sequence[OrderEntry]:
        return _of_orders(await self._fetch(ENTRIES_OF_ORDER, account_id, client_order_id))

    async def entries_of_venue_order(
        self, account_id: str, venue_order_id: str
    ) -> Sequence[OrderEntry]:
        return _of_orders(await self._fetch(ENTRIES_OF_VENUE_ORDER, account_id, venue_order_id))

    async def _fetch(self, statement: str, *arguments: object) -> Sequence[Entry]:
        try:
            rows = await self._pool.fetch(statement, *arguments)
        except (*_NO_ANSWER, asyncpg.PostgresError) as error:
            raise VenueUnavailable(f"the journal's database does not answer: {error}") from error
        return _entries(rows)

    async def _insert(self, rows: _Rows) -> None:
        try:
            await self._pool.execute(APPEND, *rows)
        except asyncpg.UniqueViolationError as error:
            # A retry after a lost answer finds its own entries.
            held = await self._pool.fetchval(COUNT_HELD, rows.sequences, rows.entries)
            if held != len(rows.sequences):
                raise JournalFailed("another venue has written this journal") from error
        except _NO_ANSWER:
            raise
        except asyncpg.PostgresError as error:
            raise JournalFailed(f"the journal's database refused: {error}") from error


def _entries(rows: Sequence[asyncpg.Record]) -> Sequence[Entry]:
    try:
        return [decode(row["entry"]) for row in rows]
    except msgspec.DecodeError as error:
        raise JournalFailed(f"the journal holds what the venue does not know: {error}") from error


def _fills(entries: Sequence[Entry]) -> Sequence[FillReport]:
    return [entry for entry in entries if isinstance(entry, FillReport)]


def _of_orders(entries: Sequence[Entry]) -> Sequence[OrderEntry]:
    return [entry for entry in entries if not isinstance(entry, Transferred)]


def _rows(after: int, entries: Sequence[Entry]) -> _Rows:
    return _Rows(
        sequences=[after + index for index in range(1, len(entries) + 1)],
        kinds=[type(entry).__name__ for entry in entries],
        account_ids=[entry.account_id for entry in entries],
        client_order_ids=[entry.client_order_id for entry in entries],
        times=[entry.at for entry in entries],
        entries=[encode(entry) for entry in entries],
    )
