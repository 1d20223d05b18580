"""From an order's intent in the log to the call of the venue, at 200 orders a second.

The execution role as it runs, with policies and the paper venue, on a real log and a real journal;
the orders come through the order desk of the same process. The clock is read at the ports: when the
append of ``OrderSubmitting`` has returned, and when ``submit`` is called.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from domain.execution.execution_worker import ExecutionWorker
from domain.execution.lease import Lease
from domain.log import Appended, NewEvent
from domain.order.order import Order, venue_client_id_of
from domain.venue import Outcome, Venue, VenueOrder
from infra.collector import calm_collector
from infra.composition.execution import ExecutionRole, from_hub
from infra.composition.failpoint_log import FailpointLog
from infra.composition.failpoint_venue import FailpointVenue
from infra.log.postgres.log import PostgresEventLog
from infra.settings import Settings
from infra.workers.checkpoints import PostgresCheckpoints
from tests.benchmarks.bench_command import PACED_RATE, Desk
from tests.benchmarks.harness import Bench, Result, percentile

SECONDS: Final = 20
WARM_UP: Final = 200
LIMIT_MS: Final = 10.0
ANSWER_SECONDS: Final = 30.0

INTENT: Final = "OrderSubmitting"
CATEGORY: Final = f"{Order.category}-"


async def run(bench: Bench) -> list[Result]:
    calm_collector()  # as every process of the core does at its start
    async with PostgresEventLog.open(bench.postgres_dsn) as log:
        watch = Stopwatch()
        desk = await Desk.open(TimedLog(log, watch))
        async with executing(desk, bench, watch):
            await desk.prepare()
            await orders(desk, watch, WARM_UP)
            watch.delays.clear()
            await orders(desk, watch, bench.scaled(PACED_RATE * SECONDS, least=50))
    name = f"intent in the log to the venue's call, {PACED_RATE} orders a second"
    measured = [delay * 1_000 for delay in watch.delays]
    return [
        Result.at_most(f"{name}, p99", percentile(measured, 0.99), "ms", LIMIT_MS),
        Result.at_most(f"{name}, median", percentile(measured, 0.5), "ms", LIMIT_MS),
    ]


async def orders(desk: Desk, watch: "Stopwatch", count: int) -> None:
    """Place so many at the pace, and wait until the venue was called for the last of them."""
    await desk.paced(count)
    async with asyncio.timeout(ANSWER_SECONDS):
        await watch.until(count)


class Stopwatch:
    """``delays`` in seconds, one for each order that was sent."""

    def __init__(self) -> None:
        self.delays: list[float] = []
        self._intended: dict[str, float] = {}
        self._called = asyncio.Condition()

    def note_intent(self, stream: str) -> None:
        order_id = stream.removeprefix(CATEGORY)
        self._intended[venue_client_id_of(order_id)] = time.perf_counter()

    async def note_call(self, client_order_id: str) -> None:
        self.delays.append(time.perf_counter() - self._intended.pop(client_order_id))
        async with self._called:
            self._called.notify_all()

    async def until(self, count: int) -> None:
        async with self._called:
            await self._called.wait_for(lambda: len(self.delays) >= count)


class TimedLog(FailpointLog):
    """Tells the watch of every intent that is durable."""

    def __init__(self, log: PostgresEventLog, watch: Stopwatch) -> None:
        super().__init__(log)
        self._watch = watch

    async def append(
        self, stream: str, events: Sequence[NewEvent], *, expected_version: int
    ) -> Appended:
        appended = await super().append(stream, events, expected_version=expected_version)
        if events[0].type == INTENT:
            self._watch.note_intent(stream)
        return appended


class TimedVenue(FailpointVenue):
    """Tells the watch of every order that it is handed."""

    def __init__(self, venue: Venue, watch: Stopwatch) -> None:
        super().__init__(venue)
        self._watch = watch

    async def submit(self, order: VenueOrder) -> Outcome:
        await self._watch.note_call(order.client_order_id)
        return await super().submit(order)


class TimedRole(ExecutionRole):
    """The execution role, with the watch between it and its venue."""

    watch: Stopwatch

    def _worker(
        self, venue: Venue, checkpoints: PostgresCheckpoints, lease: Lease
    ) -> ExecutionWorker:
        return super()._worker(TimedVenue(venue, self.watch), checkpoints, lease)


@asynccontextmanager
async def executing(desk: Desk, bench: Bench, watch: Stopwatch) -> AsyncIterator[None]:
    """The role at work while the block runs."""
    async with (
        asyncpg.create_pool(bench.postgres_dsn, min_size=2, max_size=10) as pool,
        asyncio.TaskGroup() as group,
    ):
        settings = Settings(data_dir=bench.tmp_path)
        feed = from_hub(desk.hub)
        role = TimedRole(settings, desk.core, pool, bench.postgres_dsn, feed)
        role.watch = watch
        tasks = [
            group.create_task(desk.core.risk_book.follow(desk.core.log)),
            group.create_task(role.run()),
        ]
        await role.recovered.wait()
        yield
        for task in tasks:
            task.cancel()
