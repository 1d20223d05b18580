"""A first start of many roles at the same moment finds, or makes, one database."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from infra.composition.database import prepare_database
from infra.composition.machinery import machinery
from infra.settings import Settings

PROCESSES = 6


async def test_roles_that_start_at_once_prepare_one_database(
    postgres_dsn: str, redis_url: str, tmp_path: Path
) -> None:
    settings = Settings.model_validate(
        {"data_dir": tmp_path, "postgres_dsn": postgres_dsn, "redis_url": redis_url}
    )
    async with AsyncExitStack() as stack:
        machines = [await stack.enter_async_context(machinery(settings)) for _ in range(PROCESSES)]
        await asyncio.gather(*(prepare_database(machine) for machine in machines))
        count = await machines[0].pool.fetchval("SELECT count(*) FROM read.projections")
        assert count == 0, "the read models are the projector's to make"
