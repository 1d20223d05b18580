"""Taking snapshots beside the projector, which goes on meanwhile."""

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import structlog

from domain.cancellation import heed_cancellation
from domain.clock import Clock
from domain.log import EventLog, LogError
from infra.composition.replay_snapshots import (
    SNAPSHOTTED,
    SQL,
    ActiveBuild,
    TrustedSnapshots,
    active_build,
    dump,
    edition_of,
    last_event,
    last_of_log,
    tables_digest,
)
from infra.database_patience import AWAY
from infra.version import code_version
from projections.projection import Projection
from replay.snapshots.contents import Contents, LastEvent
from replay.snapshots.metrics import SnapshotMetrics
from replay.snapshots.policy import Policy
from replay.snapshots.store import SnapshotStore

if TYPE_CHECKING:
    from replay.connection import Connection, Pool

LOOK_SECONDS = 2.0
RETRY_SECONDS = 60.0
REST = 10.0
"""The next look waits so many times as long as the last one took."""

_NOT_NOW = (*AWAY, LogError, asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError)
"""What may be over at the next look. A build is dropped while it is read, or the disk is full."""

_logger = structlog.get_logger(__name__)


class SnapshotTaker:
    """Takes a snapshot of each read model whenever the policy says that one is due."""

    def __init__(
        self,
        *,
        pool: "Pool",
        log: EventLog,
        clock: Clock,
        store: SnapshotStore,
        policy: Policy,
        metrics: SnapshotMetrics,
    ) -> None:
        self._pool = pool
        self._log = log
        self._clock = clock
        self._store = store
        self._policy = policy
        self._metrics = metrics
        self._trusted = TrustedSnapshots(store, log)
        self._newest: dict[str, Contents] = {}

    async def run(self) -> None:
        """Until cancelled. What goes wrong is told and tried again: no answer depends on it."""
        while True:
            began = self._clock.monotonic()
            went_well = [await self._try(projection) for projection in SNAPSHOTTED]
            took = self._clock.monotonic() - began
            pause = LOOK_SECONDS if all(went_well) else RETRY_SECONDS
            await self._clock.sleep(max(pause, REST * took))

    async def take(self, projection: Projection) -> Contents | None:
        """A snapshot of the active build, if one is due and nobody else is taking one.

        Raises what the log and the database raise; OSError.
        """
        async with (
            self._pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            if not await connection.fetchval(SQL["try_lock"], projection.name):
                return None
            active = await active_build(connection, projection)
            if active is None or not await self._is_due(projection, active):
                return None
            taken = await self._take(connection, projection, active)
        if taken is not None:
            self._newest[projection.name] = taken
            self._metrics.taken.labels(projection.name).inc()
            await asyncio.to_thread(self._store.thin_out, taken.edition, self._policy.megabytes)
        return taken

    async def _try(self, projection: Projection) -> bool:
        try:
            await self.take(projection)
        except _NOT_NOW as error:
            heed_cancellation()
            self._metrics.not_taken.labels(projection.name).inc()
            _logger.warning("snapshot_not_taken", model=projection.name, error=repr(error))
            return False
        return True

    async def _is_due(self, projection: Projection, active: ActiveBuild) -> bool:
        newest = await self._newest_of(projection, active)
        return self._policy.is_due(active.events, newest, self._clock.now())

    async def _newest_of(self, projection: Projection, active: ActiveBuild) -> Contents | None:
        """The file may have been set aside, or there may be one that somebody else has taken."""
        known, edition = self._newest.get(projection.name), edition_of(projection, active)
        kept = await asyncio.to_thread(self._store.kept, edition)
        newest_kept = (edition, kept[0].position) if kept else None
        if known is not None and (known.edition, known.position) == newest_kept:
            return known
        newest = await self._trusted.newest(projection, active)
        if newest is not None:
            self._newest[projection.name] = newest
        return newest

    async def _take(
        self, connection: "Connection", projection: Projection, active: ActiveBuild
    ) -> Contents | None:
        last = await last_event(connection, self._log, projection, active.schema)
        stands = await last_of_log(self._log, active.checkpoint)
        if last is None or stands is None:
            return None
        contents = self._contents(projection, active, last, stands)
        await asyncio.to_thread(self._store.tidy, contents.edition)
        partial = self._store.begin(contents.edition, active.checkpoint)
        try:
            await dump(connection, projection, active.schema, partial.writer)
            await asyncio.to_thread(partial.keep, contents)
        except BaseException:
            partial.drop()
            raise
        return contents

    def _contents(
        self, projection: Projection, active: ActiveBuild, last: LastEvent, stands: LastEvent
    ) -> Contents:
        return Contents(
            model=projection.name,
            model_version=projection.version,
            build=active.build,
            tables=tables_digest(projection),
            code_version=code_version(),
            position=active.checkpoint,
            events=active.events,
            taken_at=self._clock.now(),
            last=last,
            last_of_log=stands,
        )
