"""``python -m tests.replay.rebuild_process DSN AS_OF INTO``: a rebuild of a Postgres log in small
pages, until it is done or killed."""

import asyncio
import sys

import asyncpg

from infra.clock import SystemClock
from infra.composition.replay_rebuild import ProjectedModels, projections_named
from infra.log.postgres.log import PostgresEventLog
from replay.rebuild import Rebuilder
from tests.replay.rebuilding import CODE, Heard

PAGE = 5


async def main(dsn: str, as_of: str, into: str) -> None:
    async with (
        asyncpg.create_pool(dsn, min_size=0, max_size=4) as pool,
        PostgresEventLog.open(dsn) as log,
    ):
        rebuilder = Rebuilder(
            pool=pool,
            log=log,
            clock=SystemClock(),
            models=lambda schema, names: ProjectedModels(pool, schema, projections_named(names)),
            code_version=CODE,
            page_size=PAGE,
        )
        await rebuilder.rebuild(as_of, into, (), Heard())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
