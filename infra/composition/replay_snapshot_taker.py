"""Taking snapshots beside the projector, which goes on meanwhile."""

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import msgspec
import structlog

from domain.cancellation import heed_cancellation
from domain.clock import Clock
from domain.log import EventLog, LogError
from infra.composition.replay_snapshots import (
    SNAPSHOTTED,
    SQL,
    TrustedSnapshots,
    dump,
    last_event,
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


class ActiveBuild(msgspec.Struct, frozen=True):
    build: str
    version: int
    checkpoint: int
    events: int


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
            active = await _active(connection, projection)
            if active is None or not await self._is_due(projection, active):
                return None
            taken = await self._take(connection, projection, active)
        if taken is not None:
            self._newest[projection.name] = taken
            self._metrics.taken.labels(projection.name).inc()
            await asyncio.to_thread(
                self._store.thin_out, projection.name, projection.version, self._policy.megabytes
            )
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
        newest = await self._newest_of(projection)
        return self._policy.is_due(active.events, newest, self._clock.now())

    async def _newest_of(self, projection: Projection) -> Contents | None:
        """The file may have been set aside, or there may be one that somebody else has taken."""
        known = self._newest.get(projection.name)
        kept = await asyncio.to_thread(self._store.kept, projection.name, projection.version)
        if known is not None and kept and kept[0].position == known.position:
            return known
        newest = await self._trusted.newest(projection)
        if newest is not None:
            self._newest[projection.name] = newest
        return newest

    async def _take(
        self, connection: "Connection", projection: Projection, active: ActiveBuild
    ) -> Contents | None:
        last = await last_event(connection, self._log, projection, active.build)
        if last is None:
            return None
        contents = self._contents(projection, active, last)
        await asyncio.to_thread(self._store.tidy, projection.name, projection.version)
        partial = self._store.begin(projection.name, projection.version, active.checkpoint)
        try:
            await dump(connection, projection, active.build, partial.writer)
            await asyncio.to_thread(partial.keep, contents)
        except BaseException:
            partial.drop()
            raise
        return contents

    def _contents(self, projection: Projection, active: ActiveBuild, last: LastEvent) -> Contents:
        return Contents(
            model=projection.name,
            model_version=projection.version,
            tables=tables_digest(projection),
            code_version=code_version(),
            position=active.checkpoint,
            events=active.events,
            taken_at=self._clock.now(),
            last=last,
        )


async def _active(connection: "Connection", projection: Projection) -> ActiveBuild | None:
    """The build of this version that is shown, if there is one."""
    record = await connection.fetchrow(SQL["active"], projection.name)
    if record is None or record["version"] != projection.version:
        return None
    return msgspec.convert(dict(record), ActiveBuild)
