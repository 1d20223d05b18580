"""Subscriptions while the server misbehaves: no event lost, repeated or reordered."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import grpc
import pytest

from domain.log import CaughtUp, EventFilter, LogFailed, RecordedEvent
from infra.log.eventstoredb import EventStoreDBEventLog
from tests.doubles.eventstoredb import EventStoreDBDouble
from tests.infra.log.eventstoredb.conftest import QUICK, event

STATUSES = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
News = AsyncGenerator[Sequence[RecordedEvent] | CaughtUp]


async def fill(log: EventStoreDBEventLog, first: int, last: int) -> None:
    for number in range(first, last + 1):
        await log.append(f"order-{number}", [event(number)], expected_version=0)


async def until(news: News, last: int) -> list[int]:
    """Ids up to one, then up to the next CaughtUp."""
    seen: list[int] = []
    async with asyncio.timeout(10):
        async for page in news:
            if not isinstance(page, CaughtUp):
                seen += [recorded.id.int for recorded in page]
            elif last in seen or not last:
                return seen
    return seen


@pytest.mark.parametrize("after", [0, 1, 2, 17, 40, 41, 42])
@pytest.mark.parametrize("fault", ["drop_reads_after", "end_reads_after"])
async def test_a_subscription_that_breaks_goes_on_where_it_was(
    double: EventStoreDBDouble, log: EventStoreDBEventLog, fault: str, after: int
) -> None:
    await fill(log, 1, 40)
    setattr(double.faults, fault, after)
    double.faults.drop_status = STATUSES[after % 2]
    async with aclosing(log.subscribe(page_size=7)) as news:
        assert await until(news, 40) == list(range(1, 41))
        await fill(log, 41, 50)
        assert await until(news, 50) == list(range(41, 51))


async def test_it_resumes_from_no_position_that_the_server_only_names(
    double: EventStoreDBDouble, log: EventStoreDBEventLog
) -> None:
    double.faults.unsafe_checkpoints = True
    async with aclosing(log.subscribe()) as news:
        await fill(log, 1, 3)
        double.faults.drop_reads_after = 5  # confirmation, three events, checkpoint
        assert await until(news, 3) == [1, 2, 3]
        await double.stop()
        await double.start()
        await fill(log, 4, 6)
        assert await until(news, 6) == [4, 5, 6]


async def test_a_restart_is_not_the_end(
    double: EventStoreDBDouble, log: EventStoreDBEventLog
) -> None:
    async with aclosing(log.subscribe()) as news:
        assert await until(news, 0) == []
        await double.stop()
        await asyncio.sleep(0.1)
        await double.start()
        await fill(log, 1, 5)
        assert await until(news, 5) == [1, 2, 3, 4, 5]


async def test_a_slow_reader_gets_everything_once_and_in_order(
    double: EventStoreDBDouble, log: EventStoreDBEventLog
) -> None:
    async with aclosing(log.subscribe(page_size=10)) as news:
        assert await until(news, 0) == []
        double.faults.reader_keeps_up.clear()
        await fill(log, 1, 200)
        double.faults.reader_keeps_up.set()
        assert await until(news, 200) == list(range(1, 201))


async def test_a_reader_that_stops_reading_holds_little_and_slows_nobody(
    double: EventStoreDBDouble, log: EventStoreDBEventLog
) -> None:
    large = b'"' + b"x" * 100_000 + b'"'
    async with (
        aclosing(log.subscribe(page_size=5)) as lazy,
        aclosing(log.subscribe(page_size=5)) as keen,
    ):
        assert await until(lazy, 0) == await until(keen, 0) == []
        for number in range(1, 101):
            new = event(number, data=large)
            await log.append(f"order-{number}", [new], expected_version=0)
        assert await until(keen, 100) == list(range(1, 101))
        assert await until(lazy, 100) == list(range(1, 101))


async def test_caught_up_comes_once_for_what_was_delivered(
    double: EventStoreDBDouble, log: EventStoreDBEventLog
) -> None:
    async with aclosing(log.subscribe()) as news:
        assert isinstance(await anext(news), CaughtUp)
        waiting = asyncio.ensure_future(anext(news))
        await double.stop()
        await double.start()
        await fill(log, 1, 1)
        page = await waiting
        assert not isinstance(page, CaughtUp)
        assert isinstance(await anext(news), CaughtUp)


async def test_a_filtered_subscription_passes_over_what_it_does_not_want(
    log: EventStoreDBEventLog,
) -> None:
    only = EventFilter(types=frozenset({"Rare"}), categories=frozenset({"order"}))
    async with aclosing(log.subscribe(only=only)) as news:
        await fill(log, 1, 40)
        await log.append("account-1", [event(41, "Rare")], expected_version=0)
        await log.append("order-99", [event(42, "Rare")], expected_version=0)
        assert await until(news, 42) == [42]


async def test_cancelling_the_reader_cancels_the_subscription(
    log: EventStoreDBEventLog,
) -> None:
    caught_up = asyncio.Event()

    async def follow() -> None:
        async for _ in log.subscribe():
            caught_up.set()

    reader = asyncio.create_task(follow())
    await caught_up.wait()
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader


async def test_other_failures_on_the_log_do_not_end_it(
    double: EventStoreDBDouble, log: EventStoreDBEventLog
) -> None:
    async with aclosing(log.subscribe()) as news:
        assert await until(news, 0) == []
        reads = double.calls["Read"]
        double.faults.unavailable = 3
        await fill(log, 1, 5)
        assert await until(news, 5) == [1, 2, 3, 4, 5]
        assert double.calls["Read"] == reads


async def test_what_no_new_connection_will_mend_is_raised(
    double: EventStoreDBDouble, log: EventStoreDBEventLog
) -> None:
    await fill(log, 1, 2)
    with pytest.raises(LogFailed, match="Invalid position"):
        await anext(log.subscribe(after=double.store.last - 1))


async def test_closing_the_log_ends_subscriptions(double: EventStoreDBDouble) -> None:
    async with EventStoreDBEventLog.open(double.uri, patience=QUICK) as log:
        news = log.subscribe()
        assert isinstance(await anext(news), CaughtUp)
        waiting = asyncio.ensure_future(anext(news, None))
        await asyncio.sleep(0)
        await log.close()
        assert await waiting is None
