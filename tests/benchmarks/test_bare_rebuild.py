"""The loop that a rebuild is measured against makes the same tables, or it would be no measure."""

import asyncpg

from projections.registry import ALL_PROJECTIONS
from tests.benchmarks.bare_rebuild import BareRebuild
from tests.benchmarks.projection_log import fill
from tests.benchmarks.rebuilt import SCHEMA, rebuild

EVENTS = 3_000


async def test_both_make_the_same_tables(postgres_dsn: str) -> None:
    await fill(postgres_dsn, EVENTS)
    manifest = await rebuild(postgres_dsn, EVENTS)
    connection = await asyncpg.connect(postgres_dsn)
    try:
        bare = BareRebuild(connection)
        await bare.prepare()
        assert await bare.run() == manifest.events == EVENTS
        for table in (table for p in ALL_PROJECTIONS for table in p.tables):
            columns = ", ".join(table.public)
            apart = await connection.fetchval(
                f"select count(*) from (select ({columns})::text from bare.{table.name}) a (row)"
                f" full join (select ({columns})::text from {SCHEMA}.{table.name}) b (row)"
                f" on a.row = b.row where a.row is null or b.row is null"
            )
            assert apart == 0, table.name
    finally:
        await connection.close()
