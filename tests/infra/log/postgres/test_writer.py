"""The ordered writer on a session that fails on request."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import asyncpg
import pytest

from domain.log import LogError, LogFailed, LogUnavailable
from infra.log.postgres import writer as writer_module
from infra.log.postgres.batch import Placement
from infra.log.postgres.session import AppendSession
from infra.log.postgres.writer import OrderedWriter
from tests.contract.events import new_events

PASSING: list[Exception] = [
    ConnectionResetError(),
    TimeoutError(),
    asyncpg.ConnectionDoesNotExistError(),
    asyncpg.AdminShutdownError(),
    asyncpg.CannotConnectNowError(),
    asyncpg.TooManyConnectionsError(),
    asyncpg.InterfaceError("connection is closed"),
    asyncpg.InternalClientError("cannot switch to state 12"),
]
LASTING: list[Exception] = [
    asyncpg.DiskFullError("could not extend file"),
    asyncpg.PostgresIOError("could not fsync file"),
    asyncpg.DataCorruptedError("invalid page"),
    asyncpg.InternalServerError("unexpected"),
    asyncpg.InsufficientPrivilegeError("permission denied"),
    asyncpg.UndefinedTableError("log.events is gone"),
]


class FakeSession(AppendSession):
    """Stores everything it is sent, once it may, unless a failure is due."""

    def __init__(self) -> None:
        async def refuse() -> "asyncpg.Connection[asyncpg.Record]":
            raise AssertionError("no real connection here")

        super().__init__(refuse)
        self.failures: list[BaseException] = []
        self.open_failures: list[Exception] = []
        self.sending = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.batches: list[list[object]] = []
        self.drops = 0
        self.closed = False

    async def open(self) -> None:
        if self.open_failures:
            raise self.open_failures.pop(0)

    async def append(self, columns: Sequence[object]) -> int:
        streams = columns[2]
        assert isinstance(streams, list)
        self.batches.append(streams)
        self.sending.set()
        await self.may_answer.wait()
        if self.failures:
            raise self.failures.pop(0)
        return 0

    def drop(self) -> None:
        self.drops += 1

    async def close(self) -> None:
        self.closed = True


@pytest.fixture
def session() -> FakeSession:
    return FakeSession()


@pytest.fixture
async def writer(session: FakeSession) -> AsyncIterator[OrderedWriter]:
    writer = OrderedWriter(session)
    await writer.start()
    yield writer
    await writer.close()
    assert session.closed


def append(writer: OrderedWriter, stream: str = "order-1") -> asyncio.Task[Placement]:
    return asyncio.create_task(writer.append(stream, new_events(1), 0, 10))


async def several(writer: OrderedWriter, number: int) -> list[asyncio.Task[Placement]]:
    tasks = [append(writer, f"order-{i}") for i in range(number)]
    await asyncio.sleep(0)
    return tasks


async def answers(tasks: Sequence[asyncio.Task[Placement]]) -> set[type]:
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert len({id(result) for result in results}) == len(results)
    return {type(result) for result in results}


async def test_what_waits_goes_in_one_batch(writer: OrderedWriter, session: FakeSession) -> None:
    session.may_answer.clear()
    first = append(writer)
    await session.sending.wait()
    others = await several(writer, 50)
    session.may_answer.set()
    await asyncio.gather(first, *others)
    assert [len(batch) for batch in session.batches] == [1, 50]


@pytest.mark.parametrize("failure", PASSING, ids=lambda error: type(error).__name__)
async def test_no_answer_is_unavailable_and_passes(
    writer: OrderedWriter, session: FakeSession, failure: Exception
) -> None:
    session.failures = [failure]
    assert await answers(await several(writer, 5)) == {LogUnavailable}
    assert session.drops == 1
    assert await answers(await several(writer, 5)) == {Placement}


@pytest.mark.parametrize("failure", LASTING, ids=lambda error: type(error).__name__)
async def test_a_failure_that_lasts_ends_all_appends(
    writer: OrderedWriter, session: FakeSession, failure: Exception
) -> None:
    """After a failed flush nothing may be taken for stored, whatever the next try would say."""
    session.may_answer.clear()
    session.failures = [failure]
    first = await several(writer, 5)
    await session.sending.wait()
    waiting = await several(writer, 5)
    session.may_answer.set()
    assert await answers(first) == {LogFailed}
    assert await answers(waiting) == {LogFailed}
    assert await answers(await several(writer, 5)) == {LogFailed}
    assert len(session.batches) == 1


async def test_without_a_connection_nobody_waits_for_ever(
    writer: OrderedWriter, session: FakeSession
) -> None:
    session.open_failures = [ConnectionRefusedError()]
    assert await answers(await several(writer, 5)) == {LogUnavailable}
    assert session.batches == []
    assert await answers(await several(writer, 5)) == {Placement}


async def test_a_password_that_is_refused_lasts(
    writer: OrderedWriter, session: FakeSession
) -> None:
    session.open_failures = [asyncpg.InvalidPasswordError("refused")]
    assert await answers(await several(writer, 5)) == {LogFailed}
    assert await answers(await several(writer, 5)) == {LogFailed}


async def test_an_append_that_cannot_be_stored_fails_alone(
    writer: OrderedWriter, session: FakeSession
) -> None:
    """The batch is refused, then each is tried by itself."""
    session.failures = [asyncpg.UntranslatableCharacterError("bad")] * 2
    tasks = await several(writer, 5)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [LogFailed] + [Placement] * 4
    assert [len(batch) for batch in session.batches] == [5, 1, 1, 1, 1, 1]
    assert await answers(await several(writer, 5)) == {Placement}
    assert len(session.batches[-1]) == 5


async def test_closing_finishes_what_is_under_way(
    writer: OrderedWriter, session: FakeSession
) -> None:
    session.may_answer.clear()
    tasks = await several(writer, 3)
    closing = asyncio.create_task(writer.close())
    await asyncio.sleep(0)
    late = append(writer)
    assert await answers([late]) == {LogFailed}
    session.may_answer.set()
    await closing
    assert await answers(tasks) == {Placement}


async def test_what_was_cancelled_before_it_was_sent_is_not_sent(
    writer: OrderedWriter, session: FakeSession
) -> None:
    session.may_answer.clear()
    first = append(writer)
    await session.sending.wait()
    others = await several(writer, 4)
    for task in others[1:3]:
        task.cancel()
    await asyncio.wait(others[1:3])
    session.may_answer.set()
    await asyncio.gather(first, others[0], others[3])
    assert session.batches[1] == ["order-0", "order-3"]


async def test_cancelling_what_is_being_sent_leaves_the_others_alone(
    writer: OrderedWriter, session: FakeSession
) -> None:
    session.may_answer.clear()
    tasks = await several(writer, 4)
    await session.sending.wait()
    tasks[1].cancel()
    session.may_answer.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [
        Placement,
        asyncio.CancelledError,
        Placement,
        Placement,
    ]


async def test_the_queue_is_bounded(
    writer: OrderedWriter, session: FakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "MAX_WAITING", 3)
    session.may_answer.clear()
    tasks = await several(writer, 20)
    await session.sending.wait()
    session.may_answer.set()
    assert await answers(tasks) == {Placement}
    assert max(len(batch) for batch in session.batches) == 3


async def test_an_error_in_the_writer_itself_leaves_nobody_waiting(session: FakeSession) -> None:
    writer = OrderedWriter(session)
    await writer.start()
    session.failures = [RuntimeError("a bug")]
    errors: set[type[LogError]] = {LogFailed}
    assert await answers(await several(writer, 3)) == errors
    assert await answers(await several(writer, 3)) == errors
    with pytest.raises(RuntimeError, match="a bug"):
        await writer.close()
    assert session.closed
