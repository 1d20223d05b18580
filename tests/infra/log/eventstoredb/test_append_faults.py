"""Appends while the server, the network or the cluster misbehaves: stored equals acknowledged."""

import asyncio
from collections.abc import AsyncIterator, Callable

import grpc
import pytest

from domain.log import Appended, EventTooLarge, LogFailed, LogUnavailable, WrongExpectedVersion
from infra.log.eventstoredb import EventStoreDBEventLog
from tests.doubles.eventstoredb import EventStoreDBDouble
from tests.infra.log.eventstoredb.conftest import QUICK, event

Stored = Callable[[], list[int]]


async def append_all(log: EventStoreDBEventLog, count: int) -> list[Appended]:
    """One event each to so many streams, 32 at a time."""
    room = asyncio.Semaphore(32)

    async def append(number: int) -> Appended:
        async with room:
            return await log.append(f"order-{number}", [event(number)], expected_version=0)

    return await asyncio.gather(*(append(number) for number in range(1, count + 1)))


def positions_of(double: EventStoreDBDouble) -> dict[int, int]:
    return {record.id.int: record.position for record in double.store.records}


def assert_stored_is_acknowledged(double: EventStoreDBDouble, answers: list[Appended]) -> None:
    expected = {number: answer.position for number, answer in enumerate(answers, 1)}
    assert positions_of(double) == expected
    assert len(double.store.records) == len(answers)


async def test_a_lost_answer_is_asked_for_again(
    double: EventStoreDBDouble, log: EventStoreDBEventLog, stored: Stored
) -> None:
    double.faults.drop_answers = 1
    events = [event(1), event(2)]
    first = await log.append("order-1", events, expected_version=0)
    await log.append("order-1", [event(3)], expected_version=2)
    again = await log.append("order-1", events, expected_version=0)
    assert first == again == Appended(double.store.records[1].position, 2)
    assert stored() == [1, 2, 3]


async def test_appends_share_one_call(
    double: EventStoreDBDouble, log: EventStoreDBEventLog
) -> None:
    answers = await append_all(log, 100)
    assert_stored_is_acknowledged(double, answers)
    assert double.calls["BatchAppend"] == 1


async def test_answers_out_of_order_find_their_callers(
    double: EventStoreDBDouble, log: EventStoreDBEventLog
) -> None:
    double.faults.hold_answers = 8
    answers = await append_all(log, 64)
    assert_stored_is_acknowledged(double, answers)
    assert double.calls["BatchAppend"] == 1


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("drop_answers", grpc.StatusCode.UNAVAILABLE),
        ("drop_answers", grpc.StatusCode.CANCELLED),
        ("drop_answers", grpc.StatusCode.INTERNAL),
        ("end_answers", grpc.StatusCode.OK),
    ],
)
async def test_the_stream_breaks_again_and_again(
    double: EventStoreDBDouble, log: EventStoreDBEventLog, fault: str, status: grpc.StatusCode
) -> None:
    double.faults.drop_status = status
    appends = asyncio.create_task(append_all(log, 200))
    for count in range(40, 200, 40):
        await double.store.holds(count)
        setattr(double.faults, fault, 1)
    assert_stored_is_acknowledged(double, await appends)
    assert double.calls["BatchAppend"] == 5


@pytest.mark.parametrize("fault", ["unavailable", "busy", "not_ready", "append_timeouts"])
async def test_a_passing_refusal_is_tried_again(
    double: EventStoreDBDouble, log: EventStoreDBEventLog, fault: str
) -> None:
    setattr(double.faults, fault, 3)
    assert_stored_is_acknowledged(double, await append_all(log, 40))


@pytest.mark.parametrize("fault", ["unavailable", "busy"])
async def test_patience_ends(
    double: EventStoreDBDouble, log: EventStoreDBEventLog, stored: Stored, fault: str
) -> None:
    setattr(double.faults, fault, 1_000)
    with pytest.raises(LogUnavailable):
        await log.append("order-1", [event(1)], expected_version=0)
    assert getattr(double.faults, fault) == 1_000 - QUICK.attempts
    setattr(double.faults, fault, 0)
    assert stored() == []
    await log.append("order-1", [event(1)], expected_version=0)
    assert stored() == [1]


@pytest.mark.parametrize("fault", ["silent_answers", "silent_requests"])
async def test_silence_runs_into_the_deadline_and_a_new_try(
    double: EventStoreDBDouble, log: EventStoreDBEventLog, fault: str
) -> None:
    setattr(double.faults, fault, 1)
    assert_stored_is_acknowledged(double, await append_all(log, 40))


async def test_a_silent_stream_is_given_up(
    double: EventStoreDBDouble, log: EventStoreDBEventLog, stored: Stored
) -> None:
    double.faults.silent_requests = 2
    await log.append("order-1", [event(1)], expected_version=0)
    assert stored() == [1]
    assert double.calls["BatchAppend"] == 3


async def test_a_server_that_never_answers_makes_the_log_unavailable(
    double: EventStoreDBDouble, stored: Stored
) -> None:
    async with EventStoreDBEventLog.open(double.uri, patience=QUICK) as log:
        double.faults.silent_answers = 1_000
        with pytest.raises(LogUnavailable):
            await log.append("order-1", [event(1)], expected_version=0)
        double.faults.silent_answers = 0
        answer = await log.append("order-1", [event(1)], expected_version=0)
    assert stored() == [1]
    assert answer.position == double.store.records[0].position


async def test_a_restart_in_the_middle(
    double: EventStoreDBDouble, log: EventStoreDBEventLog
) -> None:
    appends = asyncio.create_task(append_all(log, 200))
    await double.store.holds(50)
    await double.stop()
    await double.start()
    assert_stored_is_acknowledged(double, await appends)


@pytest.fixture
async def cluster() -> AsyncIterator[EventStoreDBDouble]:
    async with EventStoreDBDouble(nodes=3) as running:
        yield running


async def test_the_leader_changes_under_200_appends(cluster: EventStoreDBDouble) -> None:
    async with EventStoreDBEventLog.open(cluster.uri, patience=QUICK) as log:
        appends = asyncio.create_task(append_all(log, 200))
        for node, count in ((1, 50), (2, 100), (0, 150)):
            await cluster.store.holds(count)
            cluster.change_leader(node)
        assert_stored_is_acknowledged(cluster, await appends)
    assert cluster.calls["BatchAppend"] == 4


async def test_a_follower_alone_in_the_uri_points_to_the_leader(
    cluster: EventStoreDBDouble,
) -> None:
    uri = f"esdb://127.0.0.1:{cluster.ports[2]}?Tls=false"
    async with EventStoreDBEventLog.open(uri, patience=QUICK) as log:
        await log.append("order-1", [event(1)], expected_version=0)
        assert await log.head() == cluster.store.last


async def test_wrong_versions_name_the_actual_one(log: EventStoreDBEventLog) -> None:
    await log.append("order-1", [event(1), event(2)], expected_version=0)
    for expected, actual, stream in ((0, 2, "order-1"), (7, 2, "order-1"), (3, 0, "order-2")):
        with pytest.raises(WrongExpectedVersion) as wrong:
            await log.append(stream, [event(9)], expected_version=expected)
        assert (wrong.value.expected, wrong.value.actual) == (expected, actual)


async def test_a_refusal_for_good_is_not_tried_again(
    double: EventStoreDBDouble, log: EventStoreDBEventLog, stored: Stored
) -> None:
    double.faults.access_denied = 1
    with pytest.raises(LogFailed, match="AccessDenied"):
        await log.append("order-1", [event(1)], expected_version=0)
    assert stored() == []


async def test_a_tombstoned_stream_takes_nothing(
    double: EventStoreDBDouble, log: EventStoreDBEventLog
) -> None:
    double.store.tombstone("order-1", -2)
    with pytest.raises(LogFailed, match="StreamDeleted"):
        await log.append("order-1", [event(1)], expected_version=0)


async def test_the_servers_own_size_limit_may_be_lower() -> None:
    async with (
        EventStoreDBDouble(max_append_size=100) as double,
        EventStoreDBEventLog.open(double.uri, patience=QUICK) as log,
    ):
        with pytest.raises(EventTooLarge):
            await log.append(
                "order-1", [event(1, data=b'"' + b"x" * 100 + b'"')], expected_version=0
            )
        await log.append("order-1", [event(1)], expected_version=0)


async def test_a_cancelled_caller_disturbs_no_other(
    double: EventStoreDBDouble, log: EventStoreDBEventLog, stored: Stored
) -> None:
    double.faults.hold_answers = 2
    cancelled = asyncio.create_task(log.append("order-1", [event(1)], expected_version=0))
    await double.store.holds(1)
    cancelled.cancel()
    await log.append("order-2", [event(2)], expected_version=0)
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert stored() == [1, 2]
    assert double.calls["BatchAppend"] == 1


async def test_closing_waits_for_appends_under_way(
    double: EventStoreDBDouble, log: EventStoreDBEventLog, stored: Stored
) -> None:
    under_way = [
        asyncio.create_task(log.append(f"order-{n}", [event(n)], expected_version=0))
        for n in range(1, 21)
    ]
    await asyncio.sleep(0)
    await log.close()
    answers = [await task for task in under_way]
    assert_stored_is_acknowledged(double, answers)
    with pytest.raises(LogFailed, match="closed"):
        await log.append("order-99", [event(99)], expected_version=0)
