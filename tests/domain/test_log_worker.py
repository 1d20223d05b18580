import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress

import pytest

from domain.log import (
    DEFAULT_PAGE,
    EVERYTHING,
    START,
    CaughtUp,
    EventFilter,
    NewEvent,
    RecordedEvent,
)
from domain.log_worker import Handler, LogWorker
from tests.domain.checkpoints import MemoryCheckpoints
from tests.domain.world import context_for, until
from tests.doubles.memory_log import MemoryEventLog, MemoryStore


async def filled(*streams: str) -> MemoryEventLog:
    """A log with one event for each name, in that order."""
    log = MemoryEventLog(MemoryStore())
    versions: dict[str, int] = {}
    for number, stream in enumerate(streams):
        event = NewEvent(context_for(str(number)).command_id, "Happened", b"{}", b"{}")
        version = versions.get(stream, 0)
        await log.append(stream, [event], expected_version=version)
        versions[stream] = version + 1
    return log


def a_worker(
    log: MemoryEventLog,
    checkpoints: MemoryCheckpoints,
    handler: Handler,
    only: EventFilter = EVERYTHING,
    side_by_side: int = 64,
) -> LogWorker:
    return LogWorker(
        name="w",
        log=log,
        checkpoints=checkpoints,
        only=only,
        handler=handler,
        side_by_side=side_by_side,
    )


async def run_until_caught_up(worker: LogWorker) -> None:
    running = asyncio.create_task(worker.run())
    caught_up = asyncio.create_task(worker.caught_up.wait())
    await asyncio.wait({running, caught_up}, return_when=asyncio.FIRST_COMPLETED)
    assert not running.done(), running.exception()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_in_order_within_a_stream_and_side_by_side_across_them() -> None:
    log = await filled(*("a-1", "b-1", "a-1", "b-1", "c-1", "a-1") * 5)
    seen: list[tuple[str, int]] = []
    at_work = most_at_work = 0

    async def handle(event: RecordedEvent) -> None:
        nonlocal at_work, most_at_work
        at_work += 1
        most_at_work = max(at_work, most_at_work)
        await asyncio.sleep(0)
        seen.append((event.stream, event.version))
        at_work -= 1

    checkpoints = MemoryCheckpoints()
    await run_until_caught_up(a_worker(log, checkpoints, handle))
    for stream in ("a-1", "b-1", "c-1"):
        versions = [version for name, version in seen if name == stream]
        assert versions == list(range(1, len(versions) + 1))
    assert len(seen) == 30
    assert most_at_work == 3
    assert checkpoints.positions == {"w": 30}


async def test_no_more_streams_side_by_side_than_allowed() -> None:
    log = await filled(*(f"s-{number}" for number in range(20)))
    at_work = most_at_work = 0

    async def handle(event: RecordedEvent) -> None:
        nonlocal at_work, most_at_work
        at_work += 1
        most_at_work = max(at_work, most_at_work)
        await asyncio.sleep(0)
        at_work -= 1

    await run_until_caught_up(a_worker(log, MemoryCheckpoints(), handle, side_by_side=4))
    assert most_at_work == 4


async def test_it_goes_on_from_its_checkpoint() -> None:
    log = await filled("a-1", "a-1", "a-1")
    seen: list[int] = []

    async def handle(event: RecordedEvent) -> None:
        seen.append(event.position)

    await run_until_caught_up(a_worker(log, MemoryCheckpoints({"w": 2}), handle))
    assert seen == [3]


async def test_it_follows_what_comes() -> None:
    log = await filled("a-1")
    seen: list[int] = []

    async def handle(event: RecordedEvent) -> None:
        seen.append(event.position)

    worker = a_worker(log, MemoryCheckpoints(), handle)
    running = asyncio.create_task(worker.run())
    await worker.caught_up.wait()
    event = NewEvent(context_for("later").command_id, "Happened", b"{}", b"{}")
    await log.append("b-1", [event], expected_version=0)
    await until(lambda: worker.position == 2)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert seen == [1, 2]


async def test_only_what_it_wants() -> None:
    log = await filled("a-1", "b-1", "a-2")
    seen: list[str] = []

    async def handle(event: RecordedEvent) -> None:
        seen.append(event.stream)

    wants = EventFilter(categories=frozenset({"a"}))
    await run_until_caught_up(a_worker(log, MemoryCheckpoints(), handle, wants))
    assert seen == ["a-1", "a-2"]


class Broken(Exception):
    pass


class CountingLog(MemoryEventLog):
    """Knows how many subscriptions are open."""

    open_subscriptions = 0

    async def subscribe(
        self, *, after: int = START, only: EventFilter = EVERYTHING, page_size: int = DEFAULT_PAGE
    ) -> AsyncGenerator[Sequence[RecordedEvent] | CaughtUp]:
        self.open_subscriptions += 1
        try:
            async for page in super().subscribe(after=after, only=only, page_size=page_size):
                yield page
        finally:
            self.open_subscriptions -= 1


def failing_at(position: int, seen: list[int]) -> Handler:
    async def handle(event: RecordedEvent) -> None:
        seen.append(event.position)
        if event.position == position:
            raise Broken

    return handle


async def test_a_handler_that_fails_stops_the_worker_and_skips_nothing() -> None:
    log = await filled("a-1", "b-1", "a-1", "a-1")
    checkpoints = MemoryCheckpoints()
    seen: list[int] = []
    with pytest.raises(ExceptionGroup) as failure:
        await a_worker(log, checkpoints, failing_at(3, seen)).run()
    assert failure.group_contains(Broken)
    assert 4 not in seen
    assert checkpoints.positions == {}


async def test_after_a_crash_everything_is_handled_at_least_once() -> None:
    log = await filled("a-1", "b-1", "a-1", "a-1")
    checkpoints = MemoryCheckpoints()
    seen: list[int] = []
    with pytest.raises(ExceptionGroup):
        await a_worker(log, checkpoints, failing_at(3, seen)).run()
    await run_until_caught_up(a_worker(log, checkpoints, failing_at(0, seen)))
    assert set(seen) == {1, 2, 3, 4}
    first_stream = [position for position in seen if position != 2]
    assert first_stream == [1, 3, 1, 3, 4]
    assert checkpoints.positions == {"w": 4}


async def test_a_failure_ends_the_subscription_before_it_is_reported() -> None:
    log = CountingLog((await filled("a-1")).store)
    with pytest.raises(ExceptionGroup):
        await a_worker(log, MemoryCheckpoints(), failing_at(1, [])).run()
    assert log.open_subscriptions == 0


async def test_a_checkpoint_that_fails_stops_the_worker() -> None:
    class Refusing(MemoryCheckpoints):
        async def save(self, worker: str, position: int) -> None:
            raise Broken

    log = await filled("a-1", "a-1")
    seen: list[int] = []
    with pytest.raises(Broken):
        await a_worker(log, Refusing(), failing_at(0, seen)).run()
    assert seen == [1, 2]
