"""The port against a model of it: any appends, retries and reads, through two handles."""

import asyncio
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import AsyncExitStack
from itertools import count
from typing import TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from domain.log import (
    Appended,
    EventFilter,
    EventLog,
    LogUnavailable,
    NewEvent,
    RecordedEvent,
    WrongExpectedVersion,
)
from tests.contract.events import all_of, new_events
from tests.contract.logs import LogUnderTest, Opener

Answer = TypeVar("Answer")

NAMES = st.sampled_from(["order-1", "order-2", "account-1", "größe"])
TYPES = st.sampled_from(["Placed", "Filled"])
_examples = count(1)


class Driver:
    """An open log, driven from code that is not async, with all its tasks alive in between."""

    def __init__(self, opener: Opener) -> None:
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self.under_test: LogUnderTest = self.do(self._stack.enter_async_context(opener()))
        self.logs: list[EventLog] = [self.under_test.log, self.do(self.under_test.second())]

    def do(self, action: Awaitable[Answer]) -> Answer:
        async def wait() -> Answer:
            return await action

        return self._runner.run(wait())

    def close(self) -> None:
        self.do(self._stack.aclose())
        self._runner.close()


class Attempt:
    """An append that was made, right or wrong: it may be made again."""

    def __init__(self, stream: str, events: Sequence[NewEvent], expected: int) -> None:
        self.stream = stream
        self.events = events
        self.expected = expected


class EventLogMachine(RuleBasedStateMachine):
    """Every example has streams of its own in one log, and reads from where the log stood."""

    driver: Driver

    @initialize()
    def begin(self) -> None:
        self.example = next(_examples)
        self.start = self.driver.do(self.driver.logs[0].head())
        self.streams: dict[str, list[NewEvent]] = {}
        self.order: list[NewEvent] = []
        self.answers: dict[tuple[str, int], Appended] = {}
        self.attempts: list[Attempt] = []

    @rule(
        name=NAMES,
        type_=TYPES,
        number=st.integers(1, 4),
        off=st.sampled_from([0, 0, 0, 0, -1, 1, -3]),
        handle=st.integers(0, 1),
        lost=st.booleans(),
    )
    def append(
        self, name: str, type_: str, number: int, off: int, handle: int, *, lost: bool
    ) -> None:
        stream = f"{name}-{self.example}"
        expected = max(0, len(self.streams.get(stream, [])) + off)
        attempt = Attempt(stream, new_events(number, type_), expected)
        self.attempts.append(attempt)
        if lost and off == 0 and handle == 0:
            self.driver.under_test.lose_next_answer()
        self.check(attempt, handle)

    @precondition(lambda self: self.attempts)
    @rule(data=st.data(), handle=st.integers(0, 1))
    def append_again(self, data: st.DataObject, handle: int) -> None:
        self.check(data.draw(st.sampled_from(self.attempts)), handle)

    @precondition(lambda self: self.attempts)
    @rule(data=st.data(), handle=st.integers(0, 1), kept=st.integers(0, 3))
    def append_altered(self, data: st.DataObject, handle: int, kept: int) -> None:
        """Begins as an earlier append did, then goes on differently."""
        earlier = data.draw(st.sampled_from(self.attempts))
        if self.version(earlier.stream) <= earlier.expected:
            return
        events = [*earlier.events[:kept], *new_events(1)]
        self.check(Attempt(earlier.stream, events, earlier.expected), handle)

    @rule(name=NAMES, after=st.integers(0, 12), size=st.integers(1, 5), handle=st.integers(0, 1))
    def read_stream(self, name: str, after: int, size: int, handle: int) -> None:
        stream = f"{name}-{self.example}"
        log = self.driver.logs[handle]
        read = self.driver.do(all_of(log.read_stream(stream, after_version=after, page_size=size)))
        assert ids(read) == ids(self.streams.get(stream, [])[after:])
        assert [event.version for event in read] == [after + i + 1 for i in range(len(read))]

    @rule(
        size=st.integers(1, 9),
        handle=st.integers(0, 1),
        types=st.frozensets(TYPES),
        categories=st.frozensets(st.sampled_from(["order", "account", "größe"])),
    )
    def read_all(
        self, size: int, handle: int, types: frozenset[str], categories: frozenset[str]
    ) -> None:
        only = EventFilter(types, categories)
        everything = self.driver.do(self.all_since_start(handle, EventFilter(), 1_000))
        filtered = self.driver.do(self.all_since_start(handle, only, size))
        assert ids(everything) == ids(self.order)
        assert filtered == [event for event in everything if only.admits(event)]

    @invariant()
    def the_head_is_the_last_position(self) -> None:
        head = self.driver.do(self.driver.logs[1].head())
        last = max((answer.position for answer in self.answers.values()), default=self.start)
        assert head == last

    def check(self, attempt: Attempt, handle: int) -> None:
        """Makes the append on the log and on the model, and compares."""
        log = self.driver.logs[handle]
        expected = self.predict(attempt)
        answer = self.driver.do(insist(log, attempt))
        assert (answer is None) == (not expected)
        if answer is not None:
            assert answer.version == attempt.expected + len(attempt.events)
            key = (attempt.stream, answer.version)
            assert self.answers.setdefault(key, answer) == answer

    def predict(self, attempt: Attempt) -> bool:
        """Whether the append stands after this, now or since before."""
        recorded = self.streams.get(attempt.stream, [])
        if attempt.expected == len(recorded):
            self.streams.setdefault(attempt.stream, []).extend(attempt.events)
            self.order.extend(attempt.events)
            return True
        end = attempt.expected + len(attempt.events)
        return ids(recorded[attempt.expected : end]) == ids(attempt.events)

    def version(self, stream: str) -> int:
        return len(self.streams.get(stream, []))

    async def all_since_start(
        self, handle: int, only: EventFilter, size: int
    ) -> list[RecordedEvent]:
        log = self.driver.logs[handle]
        return await all_of(log.read_all(after=self.start, only=only, page_size=size))


async def insist(log: EventLog, attempt: Attempt) -> Appended | None:
    """Appends, again if the answer is lost. None is a conflict."""
    for _ in range(3):
        try:
            return await log.append(
                attempt.stream, attempt.events, expected_version=attempt.expected
            )
        except WrongExpectedVersion:
            return None
        except LogUnavailable:
            continue
    raise AssertionError("the log stays unavailable")


def ids(events: Sequence[NewEvent] | Sequence[RecordedEvent]) -> list[str]:
    return [str(event.id) for event in events]


@pytest.fixture
def driver(log_opener: Opener) -> Iterator[Driver]:
    driver = Driver(log_opener)
    yield driver
    driver.close()


def test_the_log_behaves_as_its_model(driver: Driver) -> None:
    machine = type("Machine", (EventLogMachine,), {"driver": driver})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=40, stateful_step_count=25, deadline=None, derandomize=True, database=None
        ),
    )
