"""Reads while the server misbehaves: complete and in order, or an error."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import grpc
import pytest

from domain.log import EventFilter, LogFailed, LogUnavailable, RecordedEvent
from infra.log.eventstoredb import EventStoreDBEventLog
from infra.log.eventstoredb.reader import MAX_PAGE_BYTES
from tests.doubles.eventstoredb import EventStoreDBDouble
from tests.doubles.eventstoredb.record import Proposed
from tests.doubles.eventstoredb.store import ANY
from tests.infra.log.eventstoredb.conftest import event

JSON = "application/json"


def put(double: EventStoreDBDouble, stream: str, number: int, kind: str, content: str) -> int:
    """An event that somebody else has written."""
    proposed = Proposed(UUID(int=number), kind, content, b"{}", b"{}")
    return double.store.append(stream, ANY, [proposed])[0]


def ids(pages: Sequence[Sequence[RecordedEvent]]) -> list[int]:
    return [recorded.id.int for page in pages for recorded in page]


@pytest.mark.parametrize("status", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED])
@pytest.mark.parametrize("dropped_after", [0, 1, 5, 9])
async def test_a_read_that_drops_is_read_on(
    double: EventStoreDBDouble,
    log: EventStoreDBEventLog,
    dropped_after: int,
    status: grpc.StatusCode,
) -> None:
    double.faults.drop_status = status
    await log.append("order-1", [event(n) for n in range(1, 21)], expected_version=0)
    pages = []
    async for page in log.read_all(page_size=7):
        pages.append(page)
        double.faults.drop_reads_after = dropped_after
    double.faults.drop_reads_after = dropped_after
    stream = [page async for page in log.read_stream("order-1", page_size=7)]
    assert ids(pages) == ids(stream) == list(range(1, 21))


async def test_a_read_that_falls_silent_runs_into_its_deadline(
    double: EventStoreDBDouble, log: EventStoreDBEventLog
) -> None:
    await log.append("order-1", [event(1), event(2)], expected_version=0)
    double.faults.stall_reads_after = 1
    assert ids([page async for page in log.read_stream("order-1")]) == [1, 2]


async def test_a_read_survives_that_another_one_renews_the_connection(
    double: EventStoreDBDouble, log: EventStoreDBEventLog
) -> None:
    await log.append("order-1", [event(1), event(2)], expected_version=0)
    double.faults.stall_reads_after = 1
    reads = double.calls["Read"]
    stalled = asyncio.create_task(all_of_stream(log))
    while double.calls["Read"] == reads:  # noqa: ASYNC110 - the server says nothing when it stalls
        await asyncio.sleep(0.001)
    double.faults.unavailable = 1
    assert await log.head() > 0
    assert await stalled == [1, 2]


async def all_of_stream(log: EventStoreDBEventLog) -> list[int]:
    return ids([page async for page in log.read_stream("order-1")])


async def test_patience_ends(double: EventStoreDBDouble, log: EventStoreDBEventLog) -> None:
    double.faults.unavailable = 1_000
    with pytest.raises(LogUnavailable, match="read failed 8 times"):
        await log.head()
    double.faults.unavailable = 0
    assert await log.head() == 0


async def test_others_content_is_not_ours(
    double: EventStoreDBDouble, log: EventStoreDBEventLog
) -> None:
    await log.append("order-1", [event(1)], expected_version=0)
    put(double, "$settings", 2, "PersistentConfig1", JSON)
    put(double, "order-1", 3, "Blob", "application/octet-stream")
    put(double, "list-1", 4, "$>", JSON)
    ours = await log.append("order-2", [event(5)], expected_version=0)
    put(double, "$$order-2", 6, "$metadata", JSON)
    for number in range(7, 100):
        put(double, "blobs-1", number, "Blob", "application/octet-stream")
    assert ids([page async for page in log.read_all(page_size=2)]) == [1, 5]
    assert ids([page async for page in log.read_stream("order-1")]) == [1]
    assert await log.head() == ours.position


async def test_an_empty_log_and_one_with_only_others_events(
    double: EventStoreDBDouble, log: EventStoreDBEventLog
) -> None:
    assert await log.head() == 0
    put(double, "blobs-1", 1, "Blob", "application/octet-stream")
    assert await log.head() == 0
    assert [page async for page in log.read_all()] == []


async def test_a_tombstoned_stream_is_no_missing_one(
    double: EventStoreDBDouble, log: EventStoreDBEventLog
) -> None:
    await log.append("order-1", [event(1)], expected_version=0)
    double.store.tombstone("order-1", 0)
    with pytest.raises(LogFailed, match="is deleted"):
        [page async for page in log.read_stream("order-1")]


async def test_a_position_that_is_none_is_refused(log: EventStoreDBEventLog) -> None:
    await log.append("order-1", [event(1)], expected_version=0)
    last = await log.append("order-1", [event(2)], expected_version=1)
    with pytest.raises(LogFailed, match="Invalid position"):
        [page async for page in log.read_all(after=last.position - 1)]


async def test_types_that_look_like_expressions_match_only_themselves(
    log: EventStoreDBEventLog,
) -> None:
    for number, kind in enumerate(("A.B", "AxB", "(A)", "A", "A|B", "B"), 1):
        await log.append(f"order-{number}", [event(number, kind)], expected_version=0)
    only = EventFilter(types=frozenset({"A.B", "(A)", "A|B"}))
    assert ids([page async for page in log.read_all(only=only)]) == [1, 3, 5]


async def test_categories_match_whole_and_with_types(log: EventStoreDBEventLog) -> None:
    streams = ("order-1", "orders-1", "order", "reorder-1", "account-1")
    for number, stream in enumerate(streams, 1):
        await log.append(stream, [event(number, "A" if number < 5 else "B")], expected_version=0)
    orders = EventFilter(categories=frozenset({"order"}))
    assert ids([page async for page in log.read_all(only=orders)]) == [1, 3]
    both = EventFilter(types=frozenset({"A"}), categories=frozenset({"orders", "account"}))
    assert ids([page async for page in log.read_all(only=both)]) == [2]


async def test_a_page_of_large_events_ends_early(log: EventStoreDBEventLog) -> None:
    large = b'"' + b"x" * 1_000_000 + b'"'
    for number in range(1, 21):
        await log.append("order-1", [event(number, data=large)], expected_version=number - 1)
    pages = [page async for page in log.read_all()]
    assert ids(pages) == list(range(1, 21))
    assert all(sum(len(e.data) for e in page) < MAX_PAGE_BYTES + len(large) for page in pages)
