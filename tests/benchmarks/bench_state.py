"""One account with 10,000 events as it stood: by its whole stream, as the API answers it, and as it
does where rows of the stream are kept."""

import random
import time
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

from prometheus_client import CollectorRegistry

from domain.account.account import Account
from domain.event import format_time
from domain.log import EventLog, NewEvent
from infra.clock import SystemClock
from infra.composition.replay_kept_streams import EVERY, KeptStreams
from infra.composition.replay_moments import MomentMaker
from infra.composition.replay_past import LoggedPast
from infra.log.postgres.log import PostgresEventLog
from replay.moments.moments import Moments
from replay.snapshots.metrics import SnapshotMetrics
from replay.snapshots.store import SnapshotStore
from replay.state.state import state_of
from tests.api.served import NO_SNAPSHOTS
from tests.benchmarks.bench_fold import START, a_busy_account, recorded, trade_an_order
from tests.benchmarks.harness import Bench, Result, percentile

ORDERS = 3_637
"""They make 10,000 events and some."""

ROUNDS = 20
APPENDED_AT_ONCE = 500
LIMIT_MS = 150.0
KEPT_LIMIT_MS = 20.0

METRICS = SnapshotMetrics(CollectorRegistry())


async def run(bench: Bench) -> list[Result]:
    account = _a_rich_account(orders=bench.scaled(ORDERS, least=20))
    events = account.version
    clock, some = SystemClock(), random.Random(1)
    async with PostgresEventLog.open(bench.postgres_dsn) as log:
        head = await _append(log, account)
        streams = SnapshotStore(bench.tmp_path / "streams", METRICS)
        folded = _past(bench, log, KeptStreams(streams, log, clock, every=2 * head))
        kept = _past(bench, log, KeptStreams(streams, log, clock))

        async def state(position: int) -> None:
            found = await state_of(log, account.stream, str(position), clock.now())
            assert found.version == position

        async def answer(past: LoggedPast, position: int) -> None:
            found = await past.account(account.id, await past.position(str(position)))
            assert found is not None
            assert found.account["version"] == position

        times = await _recorded_times(log)

        async def answer_at(past: LoggedPast, position: int) -> None:
            instant = times[position - 1]
            found = await past.account(account.id, await past.position(format_time(instant)))
            assert found is not None
            assert found.account["version"] == bisect_right(times, instant)

        name = f"an account of {events} events"
        api, snapshots = partial(answer, folded), partial(answer, kept)
        at_instant, kept_at_instant = partial(answer_at, folded), partial(answer_at, kept)
        anywhere = partial(some.randint, 1, head)
        results = [
            await _measured(f"{name}, all of them", state, lambda: head, LIMIT_MS),
            await _measured(f"{name}, as of any position", state, anywhere, LIMIT_MS),
            await _measured(f"{name}, the API's answer", api, lambda: head, LIMIT_MS),
            await _measured(f"{name}, the API's at any instant", at_instant, anywhere, LIMIT_MS),
        ]
        for position in range(EVERY, head, EVERY):
            await answer(kept, position)
        return [
            *results,
            await _measured(f"{name}, with snapshots", snapshots, anywhere, KEPT_LIMIT_MS),
            await _measured(
                f"{name}, with snapshots at any instant", kept_at_instant, anywhere, KEPT_LIMIT_MS
            ),
        ]


async def _recorded_times(log: EventLog) -> Sequence[datetime]:
    """By position: they never go back."""
    async with aclosing(log.read_all()) as pages:
        return [event.recorded_at async for page in pages for event in page]


def _past(bench: Bench, log: EventLog, streams: KeptStreams) -> LoggedPast:
    clock = SystemClock()
    lists = Moments(MomentMaker(bench.postgres_dsn, log, clock, NO_SNAPSHOTS).make)
    return LoggedPast(log, clock, lists, streams)


def _a_rich_account(orders: int) -> Account:
    account = a_busy_account(orders=0)
    account.deposit("more", "USDT", Decimal(10**9), START)
    for number in range(orders):
        trade_an_order(account, number, START + timedelta(milliseconds=100 * number))
    return account


async def _append(log: EventLog, account: Account) -> int:
    """The log holds nothing else: positions are versions."""
    events = [NewEvent(e.id, e.type, e.data, e.metadata) for e in recorded(account)]
    for start in range(0, len(events), APPENDED_AT_ONCE):
        part = events[start : start + APPENDED_AT_ONCE]
        await log.append(account.stream, part, expected_version=start)
    return await log.head()


async def _measured(
    name: str, work: Callable[[int], Awaitable[None]], position: Callable[[], int], limit: float
) -> Result:
    await work(position())
    seen: list[float] = []
    for _ in range(ROUNDS):
        at, began = position(), time.perf_counter()
        await work(at)
        seen.append((time.perf_counter() - began) * 1_000)
    return Result.at_most(f"{name}, p95", percentile(seen, 0.95), "ms", limit)
