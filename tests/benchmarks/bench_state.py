"""One account with 10,000 events as it stood: by its whole stream, and as the API answers it."""

import random
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal

from domain.account.account import Account
from domain.log import EventLog, NewEvent
from infra.clock import SystemClock
from infra.composition.replay_moments import MomentMaker
from infra.composition.replay_past import LoggedPast
from infra.log.postgres.log import PostgresEventLog
from replay.moments.moments import Moments
from replay.state.state import state_of
from tests.api.served import NO_SNAPSHOTS
from tests.benchmarks.bench_fold import START, a_busy_account, recorded, trade_an_order
from tests.benchmarks.harness import Bench, Result, percentile

ORDERS = 3_637
"""They make 10,000 events and some."""

ROUNDS = 20
APPENDED_AT_ONCE = 500
LIMIT_MS = 150.0


async def run(bench: Bench) -> list[Result]:
    account = _a_rich_account(orders=bench.scaled(ORDERS, least=20))
    events = account.version
    clock, some = SystemClock(), random.Random(1)
    async with PostgresEventLog.open(bench.postgres_dsn) as log:
        head = await _append(log, account)
        past = LoggedPast(
            log, clock, Moments(MomentMaker(bench.postgres_dsn, log, clock, NO_SNAPSHOTS).make)
        )

        async def state(position: int) -> None:
            found = await state_of(log, account.stream, str(position), clock.now())
            assert found.version == position

        async def answer(position: int) -> None:
            assert await past.account(account.id, await past.position(str(position))) is not None

        name = f"an account of {events} events"
        return [
            await _measured(f"{name}, all of them", state, lambda: head),
            await _measured(f"{name}, as of any position", state, lambda: some.randint(1, head)),
            await _measured(f"{name}, the API's answer", answer, lambda: head),
        ]


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
    name: str, work: Callable[[int], Awaitable[None]], position: Callable[[], int]
) -> Result:
    await work(position())
    seen: list[float] = []
    for _ in range(ROUNDS):
        at, began = position(), time.perf_counter()
        await work(at)
        seen.append((time.perf_counter() - began) * 1_000)
    return Result.at_most(f"{name}, p95", percentile(seen, 0.95), "ms", LIMIT_MS)
