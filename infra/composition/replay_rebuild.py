"""Rebuilding read models as of the past, with the projections' own folds and tables."""

import asyncio
from collections.abc import AsyncGenerator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING

import asyncpg
import msgspec

import domain.client.client
import domain.strategy.strategy  # noqa: F401  # imported for the registration of their events
from domain.errors import InvalidInput
from infra.background import backend_steps_back
from infra.clock import SystemClock
from infra.composition.servers import event_log, servers
from infra.settings import Settings
from infra.version import code_version
from projections.folding import EVENTS_AT_A_TIME, KEEP
from projections.projection import AnyTable, Changes, Fact, Fold, Loaded, Projection
from projections.registry import ALL_PROJECTIONS
from replay.cut import parse_as_of
from replay.manifest import TableDigest
from replay.rebuild import Rebuilder
from replay.rebuild_models import Happened, PageFailed, ReadModels
from replay.rebuild_run import RebuildFailed
from replay.schemas import RebuiltSchema, check_new_name

if TYPE_CHECKING:
    from replay.connection import Connection, Pool
    from replay.rebuild_models import Write

__all__ = ["RebuildFailed", "Rebuilder", "RebuiltSchema", "check_request", "rebuilder"]

_ROWS = files(__package__).joinpath("replay_digest.sql").read_text("utf-8")

CONNECTIONS = 4
"""One holds the lock, one loads rows, one writes, one is spare."""


def check_request(as_of: str, into: str, names: Collection[str]) -> None:
    """What can be told without asking anything. Raises InvalidInput."""
    parse_as_of(as_of)
    check_new_name(into)
    projections_named(names)


@asynccontextmanager
async def rebuilder(settings: Settings) -> AsyncGenerator[Rebuilder]:
    """Over the log and the database of the settings. Raises as ``servers`` and ``event_log``."""
    clock = SystemClock()
    async with (
        servers(settings, clock) as where,
        event_log(settings, where.postgres_dsn) as log,
        asyncpg.create_pool(
            where.postgres_dsn, min_size=1, max_size=CONNECTIONS, init=backend_steps_back
        ) as pool,
    ):
        yield Rebuilder(
            pool=pool,
            log=log,
            clock=clock,
            models=lambda schema, names: ProjectedModels(pool, schema, projections_named(names)),
            code_version=code_version(),
        )


class ProjectedModels:
    """``replay.rebuild_models.ReadModels``: projections that fold side by side, page by page.

    While one page folds the one before it is being written, statement by statement: after every few
    events the loop gets its turn to send the next, or PostgreSQL would wait for the fold.
    """

    def __init__(self, pool: "Pool", schema: str, projections: Sequence[Projection]) -> None:
        self._pool = pool
        self._build = f'"{schema}"'
        self._projections = projections
        self._folds: list[tuple[Projection, Fold]] = []
        self._concerned: dict[tuple[str, str, str], Sequence[int]] = {}
        self.forget()

    @property
    def versions(self) -> Mapping[str, int]:
        return {projection.name: projection.version for projection in self._projections}

    @property
    def tables(self) -> Sequence[str]:
        return [table.name for table in self._all_tables()]

    @property
    def is_full(self) -> bool:
        return any(fold.known > KEEP for _, fold in self._folds)

    def forget(self) -> None:
        self._folds = [(projection, projection.fold()) for projection in self._projections]

    async def create(self, connection: "Connection") -> None:
        for projection in self._projections:
            await connection.execute(projection.table_definitions(self._build))

    async def fold(self, page: Sequence[Happened]) -> "Write":
        changes: list[Changes] = []
        for (projection, fold), facts in zip(self._folds, self._shares(page), strict=True):
            if facts:
                changes += await self._fold(projection, fold, facts)

        async def write(connection: "Connection") -> None:
            for table, rows, deleted in changes:
                await table.delete(connection, self._build, deleted)
                await table.write(connection, self._build, rows)

        return write

    async def digests(self, connection: "Connection") -> Sequence[TableDigest]:
        await connection.execute("set local timezone = 'UTC'; set local datestyle = 'ISO, YMD'")
        return [await self._digest(connection, table) for table in self._all_tables()]

    def _shares(self, page: Sequence[Happened]) -> Sequence[Sequence[Fact]]:
        """What concerns each projection. Which ones an event concerns is asked once for each type
        in each category."""
        shares: list[list[Fact]] = [[] for _ in self._projections]
        for recorded, event in page:
            category, dash, _ = recorded.stream.partition("-")
            kind = (category, dash, recorded.type)
            concerned = self._concerned.get(kind)
            if concerned is None:
                concerned = [n for n, p in enumerate(self._projections) if p.concerns(recorded)]
                self._concerned[kind] = concerned
            fact = Fact(recorded, event)
            for number in concerned:
                shares[number].append(fact)
        return shares

    async def _fold(
        self, projection: Projection, fold: Fold, facts: Sequence[Fact]
    ) -> Sequence[Changes]:
        with _page_failed(projection):
            wanted = fold.wanted(facts)
        if any(keys for _, keys in wanted):
            loaded = Loaded()
            async with self._pool.acquire() as connection:
                for table, keys in wanted:
                    loaded.put(table, await self._rows(connection, table, keys))
            with _page_failed(projection):
                fold.take(loaded)
        for start in range(0, len(facts), EVENTS_AT_A_TIME):
            await asyncio.sleep(0)
            with _page_failed(projection):
                for fact in facts[start : start + EVENTS_AT_A_TIME]:
                    fold.apply(fact)
        with _page_failed(projection):
            return fold.changes()

    async def _rows(
        self, connection: "Connection", table: AnyTable, keys: Collection[str]
    ) -> Sequence[msgspec.Struct]:
        try:
            return await table.load(connection, self._build, keys)
        except asyncpg.DataError as error:
            raise PageFailed(f"{table.name}: {error}") from error

    async def _digest(self, connection: "Connection", table: AnyTable) -> TableDigest:
        digest = sha256()

        async def read(content: bytes) -> None:
            digest.update(content)

        query = _ROWS.format(
            columns=", ".join(table.public),
            build=self._build,
            table=table.name,
            order=", ".join(f'{column}::text collate "C"' for column in table.key),
        )
        status = await connection.copy_from_query(query, output=read)
        return TableDigest(table.name, int(status.removeprefix("COPY ")), digest.hexdigest())

    def _all_tables(self) -> list[AnyTable]:
        return [table for projection in self._projections for table in projection.tables]


def projections_named(names: Collection[str]) -> Sequence[Projection]:
    """In the order of the registry. Raises InvalidInput: ``no_such_projection``."""
    known = [projection.name for projection in ALL_PROJECTIONS]
    for name in names:
        if name not in known:
            message = f"there is no read model {name!r}: there are {', '.join(known)}"
            raise InvalidInput("no_such_projection", message, "projection")
    return [p for p in ALL_PROJECTIONS if not names or p.name in names]


@contextmanager
def _page_failed(projection: Projection) -> Iterator[None]:
    """An event may be anything, so its fold may raise anything."""
    try:
        yield
    except Exception as error:
        raise PageFailed(f"{projection.name}: {error!r}") from error


def _conforms(models: ProjectedModels) -> ReadModels:
    return models
