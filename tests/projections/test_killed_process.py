"""Real processes on a real log, killed with SIGKILL again and again."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from domain.log import RecordedEvent
from infra.log.postgres.log import PostgresEventLog
from tests.projections.desk import BY_NAME, Desk, open_desk
from tests.projections.expected import Expected
from tests.projections.history import History, append_all
from tests.projections.test_read_models import assert_equal, rows_of

ROOT = Path(__file__).parents[2]
KILLS = 4


@asynccontextmanager
async def projector(dsn: str) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.projections.projector_process", dsn), cwd=ROOT
    )
    try:
        yield
    finally:
        process.kill()
        await process.wait()


async def until_beyond(desk: Desk, checkpoint: int) -> None:
    while await desk.checkpoint("orders") <= checkpoint:
        await desk.next_notice()


async def test_killed_projectors_lose_and_repeat_nothing(durable_postgres_dsn: str) -> None:
    history = History(91)
    async with (
        open_desk(durable_postgres_dsn) as desk,
        PostgresEventLog.open(durable_postgres_dsn) as log,
    ):
        for _ in range(KILLS):
            await append_all(log, list(history.events(150)))
            seen = await desk.checkpoint("orders")
            async with projector(durable_postgres_dsn):
                await until_beyond(desk, max(seen, 0))
        head = await log.head()
        async with projector(durable_postgres_dsn), projector(durable_postgres_dsn):
            for name in BY_NAME:
                while await desk.checkpoint(name) < head:
                    await desk.next_notice()
        recorded: list[RecordedEvent] = []
        async for page in log.read_all():
            recorded += page

        expected = Expected(recorded)
        assert_equal(await rows_of(desk, "orders", "order_id"), expected.order_rows())
        assert_equal(
            await rows_of(desk, "balances", "account_id", "asset"), expected.balance_rows()
        )
        for name, projection in BY_NAME.items():
            concerned = sum(projection.concerns(event) for event in recorded)
            assert await desk.events_projected(name) == concerned
