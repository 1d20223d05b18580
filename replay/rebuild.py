"""Rebuild: read models as they stood at a cut, in a schema of their own, from the log alone."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import asyncpg

from domain.clock import Clock
from domain.errors import Conflict
from domain.event import UndecodableEvent, UnknownEventType, known_upcasters
from domain.log import EventLog
from replay.cut import Cut, parse_as_of, resolve
from replay.manifest import CutRecord, Manifest, Run, root_digest
from replay.rebuild_listener import RebuildListener
from replay.rebuild_models import OpenModels, ReadModels
from replay.rebuild_run import PAGE, RebuildFailed, RebuildRun
from replay.schemas import Progress, RebuiltSchema, Schemas, Superseded, check_name, check_new_name

if TYPE_CHECKING:
    from replay.connection import Connection, Pool

_DATABASE_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)
_BAD_EVENTS = (UnknownEventType, UndecodableEvent)


@contextmanager
def _failures_told() -> Iterator[None]:
    try:
        yield
    except (*_BAD_EVENTS, Superseded) as error:
        raise RebuildFailed(str(error)) from error
    except _DATABASE_ERRORS as error:
        raise RebuildFailed(f"the database: {str(error) or type(error).__name__}") from error


class Rebuilder:
    """Rebuilds, lists and drops schemas.

    What it leaves when it is stopped, however that happens, is marked as unfinished, and the same
    request goes on with it.
    """

    def __init__(
        self,
        *,
        pool: "Pool",
        log: EventLog,
        clock: Clock,
        models: OpenModels,
        code_version: str,
        page_size: int = PAGE,
    ) -> None:
        self._pool = pool
        self._log = log
        self._clock = clock
        self._models = models
        self._code_version = code_version
        self._page_size = page_size
        self._schemas = Schemas(clock)

    async def rebuild(
        self, as_of: str, into: str, names: Collection[str], listener: RebuildListener
    ) -> Manifest:
        """The read models of these names, or all, as of a position or an instant.

        Raises InvalidInput as ``resolve``, ``check_new_name`` and OpenModels do; Conflict:
        ``schema_exists``, ``other_rebuild``, ``not_ours``, ``schema_in_use``; LogError;
        RebuildFailed.
        """
        parse_as_of(as_of)
        check_new_name(into)
        models = self._models(into, names)
        with _failures_told():
            async with self._pool.acquire() as holder, self._schemas.locked(holder, into):
                await self._schemas.install(holder)
                schema = await self._begin(holder, as_of, into, models, listener)
                return await self._go_on(schema, models, listener)

    async def all(self) -> Sequence[RebuiltSchema]:
        """Every schema that was rebuilt, by name. Raises RebuildFailed."""
        with _failures_told():
            async with self._pool.acquire() as connection:
                return await self._schemas.all(connection)

    async def drop(self, name: str) -> None:
        """Raises as ``check_name`` and ``Schemas.drop``, and RebuildFailed."""
        check_name(name)
        with _failures_told():
            async with self._pool.acquire() as connection, self._schemas.locked(connection, name):
                await self._schemas.install(connection)
                await self._schemas.drop(connection, name)

    async def _begin(
        self,
        connection: "Connection",
        as_of: str,
        into: str,
        models: ReadModels,
        listener: RebuildListener,
    ) -> RebuiltSchema:
        """A new schema, or one that the same request left unfinished."""
        schema = await self._schemas.find(connection, into)
        if schema is None:
            cut = await resolve(self._log, as_of, self._clock.now())
            listener.started(cut, Progress(0, 0, None, 0))
            return await self._create(connection, into, cut, models)
        self._refuse_unless_same(schema, as_of, models)
        cut = await self._cut_of(schema)
        listener.started(cut, schema.progress)
        return schema

    async def _create(
        self, connection: "Connection", into: str, cut: Cut, models: ReadModels
    ) -> RebuiltSchema:
        try:
            async with connection.transaction():
                schema = await self._schemas.create(
                    connection,
                    into,
                    cut,
                    models=models.versions,
                    tables=models.tables,
                    code_version=self._code_version,
                )
                await models.create(connection)
        except asyncpg.DuplicateSchemaError as error:
            raise Conflict("not_ours", f"somebody else has just made {into}", "into") from error
        return schema

    def _refuse_unless_same(self, schema: RebuiltSchema, as_of: str, models: ReadModels) -> None:
        name = schema.name
        if schema.state == "usable":
            message = f"{name} is there already, as of position {schema.position}: drop it first"
            raise Conflict("schema_exists", message, "into")
        asked = (as_of, models.versions, self._code_version)
        if (schema.asked_for, schema.models, schema.code_version) != asked:
            message = (
                f"{name} is the unfinished rebuild of {', '.join(schema.models)} as of "
                f"{schema.asked_for} by version {schema.code_version}: "
                "give the same command to go on with it, or drop it"
            )
            raise Conflict("other_rebuild", message, "into")

    async def _cut_of(self, schema: RebuiltSchema) -> Cut:
        """Raises RebuildFailed where the log is another one now."""
        at_position = await resolve(self._log, str(schema.position), self._clock.now())
        if at_position.recorded_at != schema.recorded_at:
            raise RebuildFailed(f"position {schema.position} is not the event it was: another log")
        return Cut(schema.position, schema.asked_for, schema.recorded_at, at_position.out_of_order)

    async def _go_on(
        self, schema: RebuiltSchema, models: ReadModels, listener: RebuildListener
    ) -> Manifest:
        async with self._pool.acquire() as connection:
            epoch = await self._schemas.take_over(connection, schema.name)
        run = RebuildRun(
            pool=self._pool,
            log=self._log,
            clock=self._clock,
            schemas=self._schemas,
            models=models,
            schema=schema,
            epoch=epoch,
            listener=listener,
            page_size=self._page_size,
        )
        try:
            await run.fill()
        except (*_BAD_EVENTS, RebuildFailed) as error:
            async with self._pool.acquire() as connection:
                await self._schemas.fail(connection, schema.name, epoch, str(error))
            raise
        listener.digesting()
        return await self._finish(schema, epoch, run.progress, models)

    async def _finish(
        self, schema: RebuiltSchema, epoch: int, progress: Progress, models: ReadModels
    ) -> Manifest:
        async with (
            self._pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read"),
        ):
            tables = await models.digests(connection)
            manifest = Manifest(
                cut=CutRecord(
                    position=schema.position,
                    recorded_at=schema.recorded_at,
                    asked_for=schema.asked_for,
                    times_gone_back=progress.times_gone_back,
                ),
                events=progress.events,
                code_version=schema.code_version,
                models=schema.models,
                upcasters=[f"{name} v{version}" for name, version in known_upcasters()],
                tables=tables,
                root=root_digest(schema.position, tables),
                run=Run(started_at=schema.started_at, finished_at=self._clock.now()),
            )
            await self._schemas.finish(connection, schema.name, epoch, manifest)
        return manifest
