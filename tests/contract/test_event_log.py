"""What every event log does with appends."""

import asyncio
from collections.abc import Sequence

import pytest

from domain.log import (
    MAX_EVENT_BYTES,
    Appended,
    EventLog,
    EventTooLarge,
    LogUnavailable,
    NewEvent,
    WrongExpectedVersion,
)
from tests.contract.events import all_of, append_each, ids_of, new_event, new_events
from tests.contract.logs import LogUnderTest


async def outcome(
    log: EventLog, stream: str, events: Sequence[NewEvent], expected_version: int
) -> Appended | WrongExpectedVersion:
    try:
        return await log.append(stream, events, expected_version=expected_version)
    except WrongExpectedVersion as conflict:
        return conflict


class TestExpectedVersions:
    async def test_the_first_event_has_version_one(self, log: EventLog) -> None:
        appended = await log.append("order-1", [new_event()], expected_version=0)
        (recorded,) = await all_of(log.read_stream("order-1"))
        assert (recorded.version, recorded.position) == (1, appended.position)
        assert appended.version == 1

    async def test_an_append_answers_where_its_last_event_stands(self, log: EventLog) -> None:
        await log.append("order-1", new_events(2), expected_version=0)
        appended = await log.append("order-1", new_events(3), expected_version=2)
        recorded = await all_of(log.read_stream("order-1"))
        assert [event.version for event in recorded] == [1, 2, 3, 4, 5]
        assert appended == Appended(recorded[-1].position, 5)

    @pytest.mark.parametrize("expected", [0, 1, 3, 1_000])
    async def test_another_version_conflicts_and_stores_nothing(
        self, log: EventLog, expected: int
    ) -> None:
        events = new_events(2)
        await log.append("order-1", events, expected_version=0)
        with pytest.raises(WrongExpectedVersion) as conflict:
            await log.append("order-1", new_events(2), expected_version=expected)
        assert (conflict.value.stream, conflict.value.expected) == ("order-1", expected)
        assert conflict.value.actual in (2, None)
        assert await ids_of(log.read_all()) == [event.id for event in events]

    async def test_a_stream_that_is_missing_has_version_zero(self, log: EventLog) -> None:
        with pytest.raises(WrongExpectedVersion) as conflict:
            await log.append("order-1", [new_event()], expected_version=1)
        assert conflict.value.actual in (0, None)
        assert await all_of(log.read_all()) == []

    @pytest.mark.parametrize("existing", [0, 3])
    async def test_of_twenty_parallel_appends_one_wins(
        self, under_test: LogUnderTest, existing: int
    ) -> None:
        """Through two handles, as two processes would race."""
        logs = [under_test.log, await under_test.second()]
        before = new_events(existing)
        await append_each(logs[0], "account-1", before)
        racing = [new_events(2) for _ in range(20)]
        outcomes = await asyncio.gather(
            *(outcome(logs[i % 2], "account-1", racing[i], existing) for i in range(20))
        )
        (winner,) = [i for i, result in enumerate(outcomes) if isinstance(result, Appended)]
        stored = await all_of(logs[0].read_stream("account-1"))
        assert [event.id for event in stored] == [event.id for event in before + racing[winner]]
        assert outcomes[winner] == Appended(stored[-1].position, existing + 2)

    async def test_a_conflict_fails_only_its_caller(self, log: EventLog) -> None:
        await log.append("order-0", [new_event()], expected_version=0)
        outcomes = await asyncio.gather(
            *(outcome(log, f"order-{i % 10}", [new_event()], 0) for i in range(10))
        )
        conflicts = [isinstance(result, WrongExpectedVersion) for result in outcomes]
        assert conflicts == [True] + [False] * 9
        assert len(await all_of(log.read_all())) == 10


class TestTheSameAppendAgain:
    async def test_has_the_same_answer(self, log: EventLog) -> None:
        events = new_events(3)
        first = await log.append("order-1", events, expected_version=0)
        assert await log.append("order-1", events, expected_version=0) == first
        assert await ids_of(log.read_all()) == [event.id for event in events]

    async def test_has_the_same_answer_when_the_log_has_gone_on(
        self, under_test: LogUnderTest
    ) -> None:
        log, other = under_test.log, await under_test.second()
        await log.append("order-1", new_events(2), expected_version=0)
        events = new_events(2)
        first = await log.append("order-1", events, expected_version=2)
        await other.append("order-1", new_events(2), expected_version=4)
        await other.append("order-2", new_events(2), expected_version=0)
        assert await log.append("order-1", events, expected_version=2) == first
        assert await other.append("order-1", events, expected_version=2) == first
        assert await other.head() > first.position

    async def test_after_a_lost_answer(self, under_test: LogUnderTest) -> None:
        log, events = under_test.log, new_events(2)
        under_test.lose_next_answer()
        try:
            appended = await log.append("order-1", events, expected_version=0)
        except LogUnavailable:
            appended = await log.append("order-1", events, expected_version=0)
        stored = await all_of(log.read_all())
        assert [event.id for event in stored] == [event.id for event in events]
        assert appended == Appended(stored[-1].position, 2)

    async def test_at_the_same_time_from_two_callers(self, under_test: LogUnderTest) -> None:
        logs = [under_test.log, await under_test.second()]
        events = new_events(2)
        answers = await asyncio.gather(
            *(logs[i % 2].append("order-1", events, expected_version=0) for i in range(10))
        )
        assert len(set(map(str, answers))) == 1
        assert len(await all_of(logs[0].read_all())) == 2

    @pytest.mark.parametrize("kept", [(0,), (1,), (1, 0), (0, 0)], ids=str)
    async def test_with_only_some_of_the_events_conflicts(
        self, log: EventLog, kept: tuple[int, ...]
    ) -> None:
        """What follows, differs or is out of order makes it another append."""
        first = new_events(2)
        await log.append("order-1", first, expected_version=0)
        mixed = [first[i] for i in sorted(set(kept), key=kept.index)] + new_events(2)
        with pytest.raises(WrongExpectedVersion):
            await log.append("order-1", mixed, expected_version=0)
        assert await ids_of(log.read_all()) == [event.id for event in first]


class TestWhatIsStored:
    async def test_comes_back_byte_for_byte(self, log: EventLog) -> None:
        data = '{"note":"Zürich — 東京 \\u0000 🚀","empty":"","spaces":  "  "}'.encode()
        metadata = '{"actor":"Ægir Þór","$correlationId":"ñ"}'.encode()
        event = new_event("OrderPlaced", data, metadata)
        await log.append("order-größe-日本", [event], expected_version=0)
        (recorded,) = await all_of(log.read_stream("order-größe-日本"))
        assert (recorded.id, recorded.type) == (event.id, event.type)
        assert (recorded.data, recorded.metadata) == (data, metadata)
        assert recorded.stream == "order-größe-日本"

    async def test_may_be_nearly_a_mebibyte(self, log: EventLog) -> None:
        event = new_event(data=json_of(MAX_EVENT_BYTES - 4_096))
        await log.append("order-1", [event], expected_version=0)
        (recorded,) = await all_of(log.read_all())
        assert recorded.data == event.data

    @pytest.mark.parametrize("sizes", [[MAX_EVENT_BYTES + 1], [MAX_EVENT_BYTES // 2 + 1] * 2])
    async def test_is_never_over_a_mebibyte(self, log: EventLog, sizes: list[int]) -> None:
        events = [new_event(data=json_of(size), metadata=b"") for size in sizes]
        with pytest.raises(EventTooLarge) as refusal:
            await log.append("order-1", events, expected_version=0)
        assert refusal.value.size == sum(sizes)
        assert await log.head() == 0
        await log.append("order-1", [new_event()], expected_version=0)

    async def test_is_never_nothing(self, log: EventLog) -> None:
        with pytest.raises(ValueError, match="at least one event"):
            await log.append("order-1", [], expected_version=0)
        assert await log.head() == 0


class TestCancelledCallers:
    async def test_leave_the_others_alone(self, log: EventLog) -> None:
        """Acknowledged means stored; cancelled means stored once or not at all."""
        streams = [f"order-{i}" for i in range(40)]
        events = {stream: new_events(2) for stream in streams}
        tasks = [
            asyncio.create_task(log.append(stream, events[stream], expected_version=0))
            for stream in streams
        ]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.wait(tasks)
        for stream, task in zip(streams, tasks, strict=True):
            stored = await ids_of(log.read_stream(stream))
            whole = [event.id for event in events[stream]]
            assert stored == whole or (stored == [] and task.cancelled())
        for stream in streams:
            await log.append(stream, events[stream], expected_version=0)
        assert len(await all_of(log.read_all())) == 80


def json_of(size: int) -> bytes:
    """A JSON object of exactly so many bytes."""
    return b'{"note":"' + b"n" * (size - 11) + b'"}'
