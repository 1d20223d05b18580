"""What every event log gives back."""

import asyncio
import resource
import sys
from collections.abc import Sequence
from datetime import UTC, timedelta
from itertools import pairwise
from uuid import UUID

import pytest

from domain.log import START, EventFilter, EventLog, RecordedEvent
from tests.contract.events import (
    PATIENCE_SECONDS,
    all_of,
    append_each,
    ids_of,
    new_event,
    new_events,
)
from tests.contract.logs import LogUnderTest

MEBIBYTE = 1024 * 1024
LONG_PAGE = 5_000


class TestOneStream:
    async def test_that_is_missing_is_empty(self, log: EventLog) -> None:
        await log.append("order-1", [new_event()], expected_version=0)
        assert await all_of(log.read_stream("order-2")) == []

    @pytest.mark.parametrize("after", [0, 1, 4, 5, 6, 1_000])
    async def test_from_a_version(self, log: EventLog, after: int) -> None:
        events = new_events(5)
        await log.append("order-1", events, expected_version=0)
        await log.append("order-11", new_events(3), expected_version=0)
        recorded = await all_of(log.read_stream("order-1", after_version=after))
        assert [event.id for event in recorded] == [event.id for event in events[after:]]
        assert [event.version for event in recorded] == list(range(after + 1, 6))

    @pytest.mark.parametrize("size", [1, 2, 3, 5, 6])
    async def test_in_pages(self, log: EventLog, size: int) -> None:
        events = new_events(6)
        await log.append("order-1", events, expected_version=0)
        pages = [page async for page in log.read_stream("order-1", page_size=size)]
        assert all(0 < len(page) <= size for page in pages)
        assert [event.id for page in pages for event in page] == [event.id for event in events]


class TestAllStreams:
    async def test_an_empty_log(self, log: EventLog) -> None:
        assert await log.head() == START
        assert await all_of(log.read_all()) == []

    async def test_in_the_order_of_their_appends(self, under_test: LogUnderTest) -> None:
        log, other = under_test.log, await under_test.second()
        events = new_events(9)
        for i, event in enumerate(events):
            await (log, other)[i % 2].append(f"order-{i % 3}", [event], expected_version=i // 3)
        recorded = await all_of(log.read_all(page_size=2))
        assert [event.id for event in recorded] == [event.id for event in events]
        assert positions_grow(recorded)
        assert await log.head() == await other.head() == recorded[-1].position
        assert await all_of(other.read_all()) == recorded

    async def test_events_of_one_append_stand_together(self, log: EventLog) -> None:
        appends = [new_events(3) for _ in range(10)]
        await asyncio.gather(
            *(log.append(f"order-{i}", appends[i], expected_version=0) for i in range(10))
        )
        ids = await ids_of(log.read_all())
        together = {tuple(ids[i : i + 3]) for i in range(0, 30, 3)}
        assert together == {tuple(event.id for event in events) for events in appends}

    async def test_the_recorded_time_is_utc_and_never_goes_back(self, log: EventLog) -> None:
        await append_each(log, "order-1", new_events(20))
        times = [event.recorded_at for event in await all_of(log.read_all())]
        assert times == sorted(times)
        assert all(time.utcoffset() == timedelta(0) for time in times)
        assert all(time.astimezone(UTC) == time for time in times)

    @pytest.mark.parametrize("size", [1, 3, 7, 8])
    async def test_between_positions(self, log: EventLog, size: int) -> None:
        await append_each(log, "order-1", new_events(8))
        recorded = await all_of(log.read_all())
        after, until = recorded[1].position, recorded[5].position
        assert await all_of(log.read_all(after=after, page_size=size)) == recorded[2:]
        assert await all_of(log.read_all(until=until, page_size=size)) == recorded[:6]
        both = log.read_all(after=after, until=until, page_size=size)
        assert await all_of(both) == recorded[2:6]
        assert await all_of(log.read_all(after=until, until=after, page_size=size)) == []
        assert await all_of(log.read_all(after=recorded[-1].position, page_size=size)) == []

    @pytest.mark.parametrize("size", [1, 3, 7, 8, 100])
    async def test_back_to_the_beginning(self, under_test: LogUnderTest, size: int) -> None:
        log = under_test.log
        assert await all_of(log.read_back(page_size=size)) == []
        await append_each(log, "order-1", new_events(5))
        await log.append("account-1", new_events(3), expected_version=0)
        recorded = await all_of(log.read_all())
        pages = [page async for page in log.read_back(page_size=size)]
        assert all(0 < len(page) <= size for page in pages)
        assert [event for page in pages for event in page] == recorded[::-1]
        for last, event in enumerate(recorded):
            back = log.read_back(until=event.position, page_size=size)
            assert await all_of(back) == recorded[last::-1]

    async def test_until_an_instant(self, log: EventLog) -> None:
        await append_each(log, "order-1", new_events(6))
        recorded = await all_of(log.read_all())
        for event in recorded:
            for instant in (event.recorded_at, event.recorded_at - timedelta(microseconds=1)):
                expected = [other for other in recorded if other.recorded_at <= instant]
                assert await all_of(log.read_all(until_time=instant)) == expected
        instant, until = recorded[3].recorded_at, recorded[1].position
        assert await all_of(log.read_all(until_time=instant, until=until)) == recorded[:2]
        later = recorded[-1].recorded_at + timedelta(days=1)
        assert await all_of(log.read_all(until_time=later, page_size=2)) == recorded

    async def test_only_what_the_filter_admits(self, log: EventLog) -> None:
        streams = ["order-1", "orders-1", "order", "account-1", "account-order-1", "Order-1"]
        for stream in streams:
            for version, type_ in enumerate(["Placed", "PlacedAgain", "Filled"]):
                await log.append(stream, [new_event(type_)], expected_version=version)
        recorded = await all_of(log.read_all())
        for only in (
            EventFilter(types=frozenset({"Placed"})),
            EventFilter(types=frozenset({"Placed", "Filled"})),
            EventFilter(categories=frozenset({"order"})),
            EventFilter(categories=frozenset({"order", "account"})),
            EventFilter(frozenset({"Filled"}), frozenset({"orders", "account"})),
            EventFilter(types=frozenset({"laced", "P.*", "Placed|Filled", "%"})),
        ):
            expected = [event for event in recorded if only.admits(event)]
            for size in (1, 2, 100):
                assert await all_of(log.read_all(only=only, page_size=size)) == expected
            bounded = log.read_all(
                only=only, after=recorded[3].position, until=recorded[9].position
            )
            assert await all_of(bounded) == [event for event in expected if event in recorded[4:10]]

    async def test_a_read_ends_at_the_head_it_began_with(self, log: EventLog) -> None:
        """A reader slower than the writers still comes to an end."""
        await append_each(log, "order-1", new_events(4))
        number = 0
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for page in log.read_all(page_size=1):
                number += len(page)
                await log.append("order-2", [new_event()], expected_version=number - 1)
        assert number <= 5


class TestReadersThatStopEarly:
    async def test_hold_nothing(self, log: EventLog) -> None:
        """More of them than any pool has connections."""
        await append_each(log, "order-1", new_events(20))
        for _ in range(40):
            for pages in (log.read_all(page_size=2), log.read_stream("order-1", page_size=2)):
                assert len(await anext(pages)) == 2
                await pages.aclose()
        assert len(await all_of(log.read_all())) == 20

    async def test_many_may_pause_at_once(self, log: EventLog) -> None:
        await append_each(log, "order-1", new_events(6))
        readers = [log.read_all(page_size=2) for _ in range(40)]
        async with asyncio.timeout(PATIENCE_SECONDS):
            firsts = [await anext(reader) for reader in readers]
        rests = [await all_of(reader) for reader in readers]
        assert all(len(first) == 2 for first in firsts)
        assert all(len(rest) == 4 for rest in rests)

    async def test_may_be_cancelled(self, log: EventLog) -> None:
        await append_each(log, "order-1", new_events(20))
        for _ in range(20):
            task = asyncio.create_task(all_of(log.read_all(page_size=1)))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert len(await all_of(log.read_all())) == 20


async def test_no_reader_misses_what_becomes_visible_late(under_test: LogUnderTest) -> None:
    """Writers race through two handles while a reader asks again and again for what is new."""
    logs = [under_test.log, await under_test.second()]
    seen: list[RecordedEvent] = []

    async def write(number: int) -> list[UUID]:
        events = new_events(15)
        await append_each(logs[number % 2], f"order-{number}", events)
        return [event.id for event in events]

    async def read_new() -> None:
        after = seen[-1].position if seen else START
        seen.extend(await all_of(logs[1].read_all(after=after, page_size=7)))

    writers = asyncio.gather(*(write(number) for number in range(16)))
    while not writers.done():
        await read_new()
    await read_new()
    assert positions_grow(seen)
    written = [id_ for ids in await writers for id_ in ids]
    assert sorted(event.id for event in seen) == sorted(written)
    assert seen == await all_of(logs[0].read_all())


async def test_a_long_log_is_read_in_bounded_memory(under_test: LogUnderTest) -> None:
    await under_test.fill(under_test.long)
    log = await under_test.second()
    read, most_blocks = 0, 0
    blocks, memory = sys.getallocatedblocks(), peak_memory()
    async for page in log.read_all(page_size=LONG_PAGE):
        assert page[0].id.int == read
        read += len(page)
        assert page[-1].id.int == read - 1
        most_blocks = max(most_blocks, sys.getallocatedblocks() - blocks)
    assert read == under_test.long
    assert most_blocks < 40 * LONG_PAGE  # an event and its parts are about ten, of two pages
    assert peak_memory() - memory < 64 * MEBIBYTE


def peak_memory() -> int:
    """The most this process ever held, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def positions_grow(events: Sequence[RecordedEvent]) -> bool:
    return all(a.position < b.position for a, b in pairwise(events))
