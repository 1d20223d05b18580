"""A log in memory, a database, and what rebuilds the one into the other."""

import json
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import asyncpg

from domain.log import EventLog
from infra.composition.replay_rebuild import ProjectedModels, projections_named
from projections.registry import ALL_PROJECTIONS
from replay.cut import Cut
from replay.manifest import Manifest
from replay.rebuild import Rebuilder
from replay.schemas import Progress
from tests.doubles.memory_log import MemoryEventLog
from tests.projections.expected import Expected, Rows
from tests.projections.history import History, append_all
from tests.projections.manual_clock import ManualClock
from tests.projections.test_read_models import assert_equal

if TYPE_CHECKING:
    from replay.connection import Connection, Pool

CODE = "1.0"
TABLES = [table.name for projection in ALL_PROJECTIONS for table in projection.tables]


class Heard:
    """A listener that keeps what it hears."""

    def __init__(self) -> None:
        self.cuts: list[Cut] = []
        self.went_on_from: list[int] = []
        self.checkpoints: list[int] = []
        self.digested = 0

    def started(self, cut: Cut, progress: Progress) -> None:
        self.cuts.append(cut)
        self.went_on_from.append(progress.checkpoint)

    def moved(self, progress: Progress) -> None:
        self.checkpoints.append(progress.checkpoint)

    def digesting(self) -> None:
        self.digested += 1


class Archive:
    """``connection`` is for looking at what was made."""

    def __init__(self, dsn: str, pool: "Pool", connection: "Connection") -> None:
        self.dsn = dsn
        self.pool = pool
        self.connection = connection
        self.clock = ManualClock()
        self.log = MemoryEventLog()

    async def append(self, history: History, count: int) -> None:
        await append_all(self.log, list(history.events(count)))

    def rebuilder(
        self,
        *,
        pool: "Pool | None" = None,
        log: EventLog | None = None,
        page_size: int = 50,
        code_version: str = CODE,
    ) -> Rebuilder:
        used = pool or self.pool
        return Rebuilder(
            pool=used,
            log=log or self.log,
            clock=self.clock,
            models=lambda schema, names: ProjectedModels(used, schema, projections_named(names)),
            code_version=code_version,
            page_size=page_size,
        )

    async def rebuild(
        self, as_of: int | str, into: str, names: Collection[str] = (), **settings: Any
    ) -> Manifest:
        return await self.rebuilder(**settings).rebuild(str(as_of), into, names, Heard())

    async def rows(self, schema: str, table: str, *key: str) -> Rows:
        records = await self.connection.fetch(f"select * from {schema}.{table}")
        return {tuple(str(r[column]) for column in key): _plain(dict(r)) for r in records}

    async def assert_shows(self, schema: str, expected: Expected) -> None:
        """Every table with rows that are folded independently here."""
        for table, key, rows in _tables(expected):
            assert_equal(await self.rows(schema, table, *key), rows)

    async def schemas(self) -> set[str]:
        """Of the database, without its own."""
        records = await self.connection.fetch(
            "select nspname from pg_namespace"
            " where nspname !~ '^pg_' and nspname not in ('information_schema', 'public')"
        )
        return {record["nspname"] for record in records}

    async def states(self) -> dict[str, str]:
        return {found.name: found.state for found in await self.rebuilder().all()}


def _tables(expected: Expected) -> list[tuple[str, tuple[str, ...], Rows]]:
    return [
        ("orders", ("order_id",), expected.order_rows()),
        ("executions", ("order_id", "execution_number"), expected.execution_rows()),
        ("accounts", ("account_id",), expected.account_rows()),
        ("balances", ("account_id", "asset"), expected.balance_rows()),
        ("positions", ("account_id", "symbol"), expected.position_rows()),
        ("risk", ("scope",), expected.risk_rows()),
        ("problems", ("position",), expected.problem_rows()),
        ("leaders", ("venue", "epoch"), expected.leader_rows()),
    ]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    ids = ("order_id", "account_id", "linked_order_id")
    return {
        name: str(value) if name in ids and value is not None else value
        for name, value in row.items()
    }


@asynccontextmanager
async def open_archive(dsn: str) -> AsyncIterator[Archive]:
    async with asyncpg.create_pool(dsn, min_size=0, max_size=8) as pool:
        connection = await asyncpg.connect(dsn)
        await connection.set_type_codec(
            "jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog"
        )
        try:
            yield Archive(dsn, pool, connection)
        finally:
            await connection.close()
