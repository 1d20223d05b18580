"""Read models as they stood at a cut, in PostgreSQL: temporary tables of a connection of their own,
filled by the projections' own folds. Whatever ends the connection takes the tables with it."""

import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any

import asyncpg

from api.reads.pool import prepare
from domain.clock import Clock
from domain.log import START, EventLog
from infra.composition.replay_snapshots import SNAPSHOTTED, SQL, TrustedSnapshots
from projections.folding import Folding
from projections.projection import Projection
from projections.registry import ALL_PROJECTIONS
from replay.moments.moment import Moment, MomentLost
from replay.moments.moments import Moments
from replay.snapshots.contents import Contents, Edition
from replay.snapshots.store import SnapshotStore

if TYPE_CHECKING:
    from replay.connection import Pool

BUILD = "pg_temp"
PAGE = 2_000
"""Events folded and written together."""

IDLE_SECONDS = 300.0
"""A connection that nobody has asked for so long ends, and its tables with it."""

SETTINGS = {
    "timezone": "UTC",
    "datestyle": "ISO",
    "application_name": "patriot-past",
    "temp_buffers": "64MB",
    "jit": "off",
}

_LOST = (
    *(asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError),
    *(asyncpg.PostgresConnectionError, asyncpg.AdminShutdownError, asyncpg.InternalClientError),
)
"""What a new connection says of the tables it has not, and one that has just ended of itself."""

_VIEWS = re.compile(r"\bread\.")
_PROJECTIONS: Mapping[str, Projection] = {each.name: each for each in ALL_PROJECTIONS}


class PostgresMoment:
    """Implements replay.moments.moment.Moment. ``pool`` has one connection, which has the tables; a
    new one in its place has none.

    Where a snapshot was used, the moment is lost with the build that the snapshot was taken from.
    """

    def __init__(self, pool: "Pool", begun_with: Edition | None) -> None:
        self._pool = pool
        self._begun_with = begun_with

    async def rows(self, statement: str, arguments: Sequence[object]) -> Sequence[dict[str, Any]]:
        try:
            await self._require_build()
            records = await self._pool.fetch(_VIEWS.sub(f"{BUILD}.", statement), *arguments)
        except _LOST as error:
            raise MomentLost(str(error)) from error
        return [dict(record) for record in records]

    async def close(self) -> None:
        self._pool.terminate()

    async def _require_build(self) -> None:
        if self._begun_with is None:
            return
        active = await self._pool.fetchrow(SQL["active"], self._begun_with.model)
        if active is None or active["build"] != self._begun_with.build:
            raise MomentLost(f"{self._begun_with.build} is not shown any more")


class MomentMaker:
    """Makes moments of the projections' read models: from the newest snapshot up to the cut and the
    events after it, or from the log alone."""

    def __init__(self, dsn: str, log: EventLog, clock: Clock, store: SnapshotStore) -> None:
        self._dsn = dsn
        self._log = log
        self._clock = clock
        self._snapshots = TrustedSnapshots(store, log)

    async def make(self, model: str, position: int) -> Moment:
        """Raises BatchFailed for an event that cannot be folded; as the log and the database."""
        pool = asyncpg.create_pool(
            self._dsn,
            min_size=0,
            max_size=1,
            init=prepare,
            server_settings=SETTINGS,
            max_inactive_connection_lifetime=IDLE_SECONDS,
            timeout=5,
        )
        try:
            await pool
            loaded = await self._fill(pool, _PROJECTIONS[model], position)
        except BaseException:
            pool.terminate()
            raise
        return PostgresMoment(pool, None if loaded is None else loaded.edition)

    async def _fill(self, pool: "Pool", projection: Projection, position: int) -> Contents | None:
        """The snapshot that it begins with, if there is one."""
        await pool.execute(projection.table_definitions(BUILD))
        loaded = await self._load(pool, projection, position)
        after = START if loaded is None else loaded.position
        if after < position:
            await self._fold(pool, projection, after, position)
        return loaded

    async def _load(self, pool: "Pool", projection: Projection, until: int) -> Contents | None:
        if projection not in SNAPSHOTTED:
            return None
        async with pool.acquire() as connection:
            return await self._snapshots.load(connection, projection, BUILD, until)

    async def _fold(self, pool: "Pool", projection: Projection, after: int, until: int) -> None:
        folding = Folding(pool, self._clock, projection, BUILD)
        pages = self._log.read_all(after=after, until=until, only=projection.only, page_size=PAGE)
        async with aclosing(pages):
            async for page in pages:
                if folding.is_full:
                    folding.forget()
                batch = await folding.fold(page, after)
                async with pool.acquire() as connection, connection.transaction():
                    for table, rows, deleted in batch.changes:
                        await table.delete(connection, BUILD, deleted)
                        await table.write(connection, BUILD, rows)


@asynccontextmanager
async def moments(
    dsn: str, log: EventLog, clock: Clock, store: SnapshotStore
) -> AsyncGenerator[Moments]:
    """Gone with everything they hold when the block ends."""
    opened = Moments(MomentMaker(dsn, log, clock, store).make)
    try:
        yield opened
    finally:
        await opened.close()
