"""A core killed with a million events in its log and 500 orders at the venue, started again.

Measured from the start of ``patriot up``, with its own PostgreSQL and Valkey, until it says that it
is ready and an order that was placed then has been accepted by the venue. The read models are built
before, and the PostgreSQL was killed too: it recovers within the measured time.
"""

import asyncio
import json
import time
from pathlib import Path
from typing import Final

import asyncpg
import httpx
from prometheus_client import CollectorRegistry

from infra.clock import SystemClock
from infra.embedded.postgres import EmbeddedPostgres
from infra.log.postgres.log import PostgresEventLog
from projections.metrics import ProjectionMetrics
from projections.registry import ALL_PROJECTIONS
from projections.runner import ProjectionRunner
from tests.benchmarks.harness import Bench, Result
from tests.benchmarks.long_log import FAR_BELOW, SYMBOL, LongLog
from tests.end_to_end.process import RunningCore, until

EVENTS: Final = 1_000_000
ACCOUNTS: Final = 100
WORKING_ORDERS: Final = 500
STARTS: Final = 3
LIMIT_SECONDS: Final = 10.0
PATIENCE_SECONDS: Final = 60.0

ADJUSTMENTS: Final = ("ExternalOrderFound", "PositionAdjusted", "BalanceAdjusted", "OrderUnknown")
"""What would tell that log and venue did not agree."""


async def run(bench: Bench) -> list[Result]:
    data_dir = bench.tmp_path / "data"
    log = LongLog(bench.scaled(EVENTS, least=20_000), ACCOUNTS, WORKING_ORDERS)
    async with EmbeddedPostgres(data_dir / "postgres") as postgres:
        await log.write(postgres.dsn)
        await build_read_models(postgres.dsn)
    seconds = await asyncio.to_thread(measure, data_dir, log)
    name = f"restart to an accepted order, {WORKING_ORDERS} working, slowest of {STARTS}"
    return [Result.at_most(name, max(seconds), "s", LIMIT_SECONDS)]


async def build_read_models(dsn: str) -> None:
    """All of them, to the end of the log."""
    async with (
        PostgresEventLog.open(dsn) as log,
        asyncpg.create_pool(dsn, min_size=1, max_size=30) as pool,
    ):
        metrics = ProjectionMetrics(CollectorRegistry())
        runner = ProjectionRunner(pool, log, SystemClock(), None, metrics)
        for projection in ALL_PROJECTIONS:
            await runner.rebuild(projection.name)


def measure(data_dir: Path, log: LongLog) -> list[float]:
    """After one start that is not measured: it makes what a core that has traded has anyway."""
    return [one_start(data_dir, log, f"start-{number}") for number in range(STARTS + 1)][1:]


def one_start(data_dir: Path, log: LongLog, key: str) -> float:
    begun = time.perf_counter()
    with RunningCore(data_dir) as core:  # leaving kills it, and waits for its servers
        until(lambda: ready(core), PATIENCE_SECONDS, lambda: "not ready")
        order_id = place(core, key)
        until(
            lambda: accepted(core, order_id), PATIENCE_SECONDS, lambda: f"{order_id} not accepted"
        )
        seconds = time.perf_counter() - begun
        asyncio.run(require_agreement(data_dir, log))
    return seconds


def ready(core: RunningCore) -> bool | None:
    return core.client.http.get("/health/ready").status_code == httpx.codes.OK or None


def place(core: RunningCore, key: str) -> str:
    """For an account whose orders work: it must have been compared with the venue."""
    account_id = core.client.items("/v1/orders", status="new")[0]["account_id"]
    order = {"account_id": account_id, "symbol": SYMBOL, "side": "buy", "quantity": "0.01",
             "type": "market"}  # fmt: skip
    return str(core.client.post("/v1/orders", f"{key}/order", order)["order_id"])


def accepted(core: RunningCore, order_id: str) -> bool | None:
    """By the log: the read models may be behind."""
    events = core.client.items("/v1/events", stream=f"order-{order_id}")
    return any(event["type"] == "OrderAccepted" for event in events) or None


async def require_agreement(data_dir: Path, log: LongLog) -> None:
    """Raises RuntimeError unless all orders still work, and nothing had to be adjusted."""
    dsn = json.loads((data_dir / "run.json").read_text())["postgres_dsn"]
    connection = await asyncpg.connect(dsn)
    try:
        working = await connection.fetchval(
            "select count(*) from read.orders where status = 'new' and limit_price = $1", FAR_BELOW
        )
        adjusted = await connection.fetchval(
            "select count(*) from log.events where position > $1 and type = any($2)",
            log.events,
            list(ADJUSTMENTS),
        )
    finally:
        await connection.close()
    if working != log.working_orders or adjusted:
        raise RuntimeError(f"{working} orders work, {adjusted} adjustments were made")
