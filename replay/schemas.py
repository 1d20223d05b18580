"""The schemas the tool has made, and no others: which there are, and how far each has come."""

import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import asyncpg
import msgspec

from domain.clock import Clock
from domain.errors import Conflict, InvalidInput, NotFound
from infra.own_schemas import is_own
from replay.cut import Cut
from replay.manifest import Manifest, decode_manifest, encode_manifest
from replay.statements import statements

if TYPE_CHECKING:
    from replay.connection import Connection

LOCK_MS = 2_000
"""How long a drop waits for readers before it gives up."""

_SQL = statements("schemas.sql")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)


class Progress(NamedTuple):
    """How far a rebuild has come: ``last_time`` is when the event there was recorded."""

    checkpoint: int
    events: int
    last_time: datetime | None
    times_gone_back: int


class RebuiltSchema(msgspec.Struct, frozen=True, kw_only=True):
    """``state`` is unfinished or usable. ``is_there`` is false once somebody else has dropped the
    schema, or put another in its place. ``manifest`` is JSON, of a usable schema alone."""

    name: str
    state: str
    asked_for: str
    position: int
    recorded_at: datetime
    models: Mapping[str, int]
    tables: Sequence[str]
    code_version: str
    checkpoint: int
    last_time: datetime | None
    times_gone_back: int
    events: int
    epoch: int
    failure: str | None
    manifest: str | None
    started_at: datetime
    updated_at: datetime
    is_there: bool

    @property
    def progress(self) -> Progress:
        return Progress(self.checkpoint, self.events, self.last_time, self.times_gone_back)

    def read_manifest(self) -> Manifest | None:
        """None of one that is unfinished."""
        return None if self.manifest is None else decode_manifest(self.manifest)


class Superseded(Exception):
    """Another rebuild has gone on with this schema, or it was dropped. Nothing was written."""


def check_name(name: str) -> None:
    """Of any schema, also one that a former release has made. Raises InvalidInput:
    ``invalid_schema``."""
    if not _NAME.fullmatch(name):
        message = f"{name!r} is no name for it: small letters, digits and _, up to 63 of them"
        raise InvalidInput("invalid_schema", message, "into")


def check_new_name(name: str) -> None:
    """Of a schema that is to be filled. Raises InvalidInput: ``invalid_schema``."""
    check_name(name)
    if is_own(name):
        message = f"{name} is a name that the core or PostgreSQL uses for itself: take another"
        raise InvalidInput("invalid_schema", message, "into")


class Schemas:
    """The table of schemas. Every method runs within its caller's connection and transaction."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def install(self, connection: "Connection") -> None:
        """Create the table. Safe from many processes at once."""
        async with connection.transaction():
            await connection.execute(_SQL["lock_install"])
            await connection.execute(_SQL["install"])

    @asynccontextmanager
    async def locked(self, connection: "Connection", name: str) -> AsyncGenerator[None]:
        """Alone with a schema while the block runs, and no longer than the connection's session.

        Raises Conflict: ``schema_in_use``.
        """
        if not await connection.fetchval(_SQL["try_lock"], name):
            raise Conflict("schema_in_use", f"another command is at work on {name}", "into")
        try:
            yield
        finally:
            if not connection.is_closed():
                await connection.execute(_SQL["unlock"], name)

    async def all(self, connection: "Connection") -> Sequence[RebuiltSchema]:
        """By name; none where nothing was ever rebuilt."""
        if not await connection.fetchval(_SQL["is_installed"]):
            return []
        return [_schema(record) for record in await connection.fetch(_SQL["find"], None)]

    async def find(self, connection: "Connection", name: str) -> RebuiltSchema | None:
        """The tool's own schema of a name, if there is one and none of others has its name.

        One that was dropped by hand is forgotten. Raises Conflict: ``not_ours``.
        """
        record = await connection.fetchrow(_SQL["find"], name)
        found = _schema(record) if record else None
        if found is not None and found.is_there:
            return found
        if await connection.fetchval(_SQL["oid_of"], name) is not None:
            message = f"there is a schema {name} that `patriot rebuild` has not made"
            raise Conflict("not_ours", message, "into")
        if found is not None:
            await connection.execute(_SQL["forget"], name)
        return None

    async def create(
        self,
        connection: "Connection",
        name: str,
        cut: Cut,
        *,
        models: Mapping[str, int],
        tables: Sequence[str],
        code_version: str,
    ) -> RebuiltSchema:
        """A new empty schema, unfinished."""
        await connection.execute(f'create schema "{name}"')
        await connection.execute(
            _SQL["insert"],
            name,
            await connection.fetchval(_SQL["oid_of"], name),
            cut.asked_for,
            cut.position,
            cut.recorded_at,
            msgspec.json.encode(models, order="sorted").decode(),
            list(tables),
            code_version,
            self._clock.now(),
        )
        created = await self.find(connection, name)
        assert created is not None
        return created

    async def take_over(self, connection: "Connection", name: str) -> int:
        """The epoch under which to go on with an unfinished schema."""
        epoch: int = await connection.fetchval(_SQL["take_over"], name, self._clock.now())
        return epoch

    async def advance(
        self, connection: "Connection", name: str, epoch: int, before: int, to: Progress
    ) -> None:
        """Move the checkpoint; must come first in its transaction. Raises Superseded."""
        moved = await connection.fetchrow(
            _SQL["advance"],
            name,
            epoch,
            before,
            to.checkpoint,
            to.last_time,
            to.times_gone_back,
            to.events,
            self._clock.now(),
        )
        if moved is None:
            raise Superseded(f"another rebuild has gone on with {name}, or dropped it")

    async def finish(
        self, connection: "Connection", name: str, epoch: int, manifest: Manifest
    ) -> None:
        """From now on it is usable. Raises Superseded."""
        content = encode_manifest(manifest).decode()
        now = self._clock.now()
        if not await connection.fetchval(_SQL["finish"], name, epoch, content, now):
            raise Superseded(f"another rebuild has gone on with {name}, or dropped it")

    async def fail(self, connection: "Connection", name: str, epoch: int, reason: str) -> None:
        """Note why a rebuild has stopped."""
        await connection.execute(_SQL["fail"], name, epoch, reason, self._clock.now())

    async def drop(self, connection: "Connection", name: str) -> None:
        """Drop the tables that the tool has made, and the schema they leave empty.

        Raises NotFound ``no_such_schema``; Conflict ``not_ours``, and ``schema_in_use`` where
        others have something in it, depend on it or are reading it.
        """
        found = await self.find(connection, name)
        if found is None:
            raise NotFound("no_such_schema", f"there is no rebuilt schema {name}", "drop")
        tables = ", ".join(f'"{name}"."{table}"' for table in found.tables)
        try:
            async with connection.transaction():
                await connection.execute(f"set local lock_timeout = {LOCK_MS}")
                await connection.execute(_SQL["forget"], name)
                await connection.execute(f"drop table if exists {tables}")
                await connection.execute(f'drop schema "{name}"')
        except asyncpg.DependentObjectsStillExistError as error:
            message = f"{name} stays: {error.detail or error}"
            raise Conflict("schema_in_use", message, "drop") from error
        except asyncpg.LockNotAvailableError as error:
            raise Conflict("schema_in_use", f"{name} stays: it is being read", "drop") from error


def _schema(record: "asyncpg.Record") -> RebuiltSchema:
    values = dict(record)
    return msgspec.convert(
        {**values, "models": msgspec.json.decode(values["models"])}, RebuiltSchema
    )
