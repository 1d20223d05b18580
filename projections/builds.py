"""The builds of the projections: one is active, others are being built beside it or are retired."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import asyncpg
import msgspec

from domain.clock import Clock
from domain.log import RecordedEvent
from infra.own_schemas import build_schema
from projections.failures import Fenced
from projections.statements import script, statements

if TYPE_CHECKING:
    from projections.connection import Connection
    from projections.projection import Projection

LEASE = timedelta(seconds=5)
"""How long a worker that has died keeps others away. Fencing, not the lease, is what is safe."""

INSTALL_LOCK = 7237100

_SCHEMA = script("schema.sql")
_SQL = statements("builds.sql")


class Build(msgspec.Struct, frozen=True):
    """``build`` names both the build and its schema."""

    build: str
    name: str
    version: int
    state: str
    checkpoint: int
    epoch: int
    lease_until: datetime | None
    failure: str | None
    updated_at: datetime
    has_schema: bool


class ProjectionStatus(msgspec.Struct, frozen=True):
    """``state`` is building, active or failed. Lag is None until it was measured once; its count
    is a lower bound where ``lag_is_exact`` is false. A failure without a position is not of one
    event."""

    name: str
    version: int
    build: str
    state: str
    checkpoint: int
    position_time: datetime | None
    events: int
    head: int | None
    lag_events: int | None
    lag_is_exact: bool | None
    lag_seconds: float | None
    lag_measured_at: datetime | None
    failed_position: int | None
    failed_type: str | None
    failure: str | None


class Lease(NamedTuple):
    """The right to write a build, until somebody acquires it with a later epoch."""

    build: str
    epoch: int
    checkpoint: int


class Step(NamedTuple):
    """From one checkpoint to the next, with ``events`` folded on the way."""

    before: int
    after: int
    time: datetime | None
    events: int


async def install(connection: "Connection") -> None:
    """Create what the builds have in common. Safe from many processes at once."""
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock($1)", INSTALL_LOCK)
        await connection.execute(_SCHEMA)


class Builds:
    """The table of builds. Every method runs within its caller's connection and transaction."""

    def __init__(self, clock: Clock, lease: timedelta = LEASE) -> None:
        self._clock = clock
        self._lease = lease

    @property
    def lease_seconds(self) -> float:
        return self._lease.total_seconds()

    async def lock(self, connection: "Connection", name: str) -> None:
        """Until the end of the transaction, no other may create, activate or drop builds."""
        await connection.execute(_SQL["lock"], name)

    async def create(
        self, connection: "Connection", projection: "Projection", state: str = "building"
    ) -> Build:
        """A new empty build with its tables."""
        build = await self._new_name(connection, projection)
        await connection.execute(f"create schema {build}")
        await connection.execute(projection.table_definitions(build))
        now = self._clock.now()
        await connection.execute(
            _SQL["insert"], build, projection.name, projection.version, state, now
        )
        return next(b for b in await self.of(connection, projection.name) if b.build == build)

    async def _new_name(self, connection: "Connection", projection: "Projection") -> str:
        """A schema that is there is somebody's, or left from a table of builds that was deleted:
        the next number is as good."""
        while True:
            number = await connection.fetchval(_SQL["next_number"])
            name = build_schema(projection.name, projection.version, number)
            if not await connection.fetchval(_SQL["schema_exists"], name):
                return name

    async def of(self, connection: "Connection", name: str) -> Sequence[Build]:
        """All builds of a projection, the oldest first."""
        return [_build(r) for r in await connection.fetch(_SQL["of_projection"], name)]

    async def active(
        self, connection: "Connection", name: str, *, for_update: bool = False
    ) -> Build | None:
        """``for_update`` makes its worker wait with the next commit."""
        sql = _SQL["lock_active" if for_update else "active"]
        record = await connection.fetchrow(sql, name)
        return _build(record) if record else None

    async def acquire(self, connection: "Connection", build: str) -> Lease | None:
        """None while another worker's lease lasts."""
        now = self._clock.now()
        record = await connection.fetchrow(_SQL["acquire"], build, now, now + self._lease)
        return Lease(build, record["epoch"], record["checkpoint"]) if record else None

    async def renew(self, connection: "Connection", lease: Lease) -> None:
        """Raises Fenced."""
        until = self._clock.now() + self._lease
        if not await connection.fetchval(_SQL["renew"], lease.build, lease.epoch, until):
            raise Fenced(lease.build)

    async def release(self, connection: "Connection", lease: Lease) -> None:
        await connection.execute(_SQL["release"], lease.build, lease.epoch)

    async def release_all(self, connection: "Connection") -> None:
        """End every lease. Whoever holds one goes on until the next holder's epoch fences it."""
        await connection.execute(_SQL["release_all"])

    async def advance(self, connection: "Connection", lease: Lease, step: Step) -> None:
        """Move the checkpoint; must come first in its transaction. Raises Fenced."""
        now = self._clock.now()
        moved = await connection.fetchrow(
            _SQL["advance"],
            lease.build,
            lease.epoch,
            step.before,
            step.after,
            step.time,
            step.events,
            now + self._lease,
            now,
        )
        if moved is None:
            raise Fenced(lease.build)

    async def fail(
        self, connection: "Connection", lease: Lease, reason: str, event: RecordedEvent | None
    ) -> None:
        """Record why the projection stopped, and give the lease back."""
        await connection.execute(
            _SQL["fail"],
            lease.build,
            lease.epoch,
            event.position if event else None,
            event.type if event else None,
            reason,
            self._clock.now(),
        )

    async def fail_active(
        self, connection: "Connection", name: str, reason: str, event: RecordedEvent | None
    ) -> None:
        """Record at the active build why a newer version cannot take its place."""
        await connection.execute(
            _SQL["fail_active"],
            name,
            reason,
            event.position if event else None,
            event.type if event else None,
            self._clock.now(),
        )

    async def activate(self, connection: "Connection", lease: Lease, old: Build | None) -> None:
        """Let a build take the place of the old one. Raises Fenced."""
        now = self._clock.now()
        if old is not None:
            await connection.execute(_SQL["retire"], old.build, now)
        if not await connection.fetchval(_SQL["activate"], lease.build, lease.epoch, now):
            raise Fenced(lease.build)

    async def show(self, connection: "Connection", projection: "Projection", build: str) -> None:
        """Point the views in ``read`` at a build."""
        for name, select in projection.views(build).items():
            await _replace_view(connection, name, select)

    async def is_shown(self, connection: "Connection", projection: "Projection") -> bool:
        names = [f"read.{name}" for name in projection.views("build")]
        return bool(await connection.fetchval(_SQL["views_exist"], names))

    async def status(self, connection: "Connection") -> Sequence["ProjectionStatus"]:
        """What ``read.projections`` shows."""
        records = await connection.fetch(_SQL["status"])
        return [msgspec.convert(dict(record), ProjectionStatus) for record in records]

    async def drop(self, connection: "Connection", build: str) -> None:
        await connection.execute(f"drop schema if exists {build} cascade")
        await connection.execute(_SQL["delete"], build)


async def _replace_view(connection: "Connection", name: str, select: str) -> None:
    """Replacing keeps who may read it; only a version with other columns needs a new view."""
    try:
        async with connection.transaction():
            await connection.execute(f"create or replace view read.{name} as {select}")
    except (asyncpg.InvalidTableDefinitionError, asyncpg.DatatypeMismatchError):
        await connection.execute(f"drop view read.{name}")
        await connection.execute(f"create view read.{name} as {select}")


def _build(record: "asyncpg.Record") -> Build:
    return msgspec.convert(dict(record), Build)
