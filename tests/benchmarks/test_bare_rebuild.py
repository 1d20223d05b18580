"""What a rebuild is measured against makes the same tables, or it would be no measure."""

import asyncpg

from projections.registry import ALL_PROJECTIONS
from tests.benchmarks import library_projection
from tests.benchmarks.bare_rebuild import BareRebuild
from tests.benchmarks.library_projection import LibraryProjection
from tests.benchmarks.projection_log import fill
from tests.benchmarks.rebuilt import SCHEMA, rebuild

EVENTS = 3_000
FEW_EVENTS = 1_000


async def test_the_bare_loop_makes_the_same_tables(postgres_dsn: str) -> None:
    await fill(postgres_dsn, EVENTS)
    manifest = await rebuild(postgres_dsn, EVENTS)
    connection = await asyncpg.connect(postgres_dsn)
    try:
        bare = BareRebuild(connection)
        await bare.prepare()
        assert await bare.run() == manifest.events == EVENTS
        await require_same_tables(connection, "bare")
    finally:
        await connection.close()


async def test_the_library_makes_the_same_tables_each_time(postgres_dsn: str) -> None:
    await fill(postgres_dsn, FEW_EVENTS)
    await rebuild(postgres_dsn, FEW_EVENTS)
    library = LibraryProjection(postgres_dsn, FEW_EVENTS)
    assert await library.rate() > 0
    assert await library.rate() > 0
    connection = await asyncpg.connect(postgres_dsn)
    try:
        await require_same_tables(connection, library_projection.SCHEMA)
    finally:
        await connection.close()


async def require_same_tables(
    connection: "asyncpg.Connection[asyncpg.Record]", schema: str
) -> None:
    for table in (table for p in ALL_PROJECTIONS for table in p.tables):
        columns = ", ".join(table.public)
        assert await connection.fetchval(f"select count(*) from {schema}.{table.name}"), table.name
        apart = await connection.fetchval(
            f"select count(*) from (select ({columns})::text from {schema}.{table.name}) a (row)"
            f" full join (select ({columns})::text from {SCHEMA}.{table.name}) b (row)"
            f" on a.row = b.row where a.row is null or b.row is null"
        )
        assert apart == 0, table.name
