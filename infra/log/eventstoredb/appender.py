"""Appends over one long-lived stream, tried again with the same event ids until answered."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from uuid import uuid4

from esdbclient.protos.Grpc import shared_pb2, streams_pb2
from google.protobuf import duration_pb2, empty_pb2

from domain.log import Appended, LogFailed, LogUnavailable, NewEvent
from infra.log.admission import admit
from infra.log.eventstoredb.answers import appended
from infra.log.eventstoredb.connection import Connection
from infra.log.eventstoredb.failures import Lost
from infra.log.eventstoredb.patience import Patience
from infra.log.eventstoredb.session import AppendSession

Request = streams_pb2.BatchAppendReq

MAX_IN_FLIGHT = 512

_EMPTY = empty_pb2.Empty()


class Appender:
    """Owns a connection, the append stream on it and the task that serves it.

    The event ids make every try the same append: the server answers a repetition with the
    original position, whatever became of the earlier answers.
    """

    def __init__(self, connection: Connection, patience: Patience) -> None:
        self._connection = connection
        self._patience = patience
        self._session: AppendSession | None = None
        self._runner: asyncio.Task[None] | None = None
        self._opening = asyncio.Lock()
        self._room = asyncio.Semaphore(MAX_IN_FLIGHT)
        self._under_way: set[asyncio.Future[None]] = set()
        self._is_closed = False

    async def append(
        self, stream: str, events: Sequence[NewEvent], expected_version: int
    ) -> Appended:
        size = admit(stream, events, expected_version)
        if self._is_closed:
            raise LogFailed("the log is closed")
        done = asyncio.get_running_loop().create_future()
        self._under_way.add(done)
        try:
            async with self._room:
                return await self._append(stream, events, expected_version, size)
        finally:
            self._under_way.discard(done)
            done.set_result(None)

    async def close(self) -> None:
        """Appends under way finish first; each of them gives up in bounded time."""
        self._is_closed = True
        if self._under_way:
            await asyncio.wait(self._under_way)
        await self._stop_runner()
        await self._connection.close()

    async def _append(
        self, stream: str, events: Sequence[NewEvent], expected: int, size: int
    ) -> Appended:
        request = _request(stream, events, expected, self._patience.answer)
        seconds = self._patience.append
        try:
            async with asyncio.timeout(seconds):
                meaning = partial(appended, stream=stream, expected=expected, size=size)
                return await self._insist(request, meaning)
        except TimeoutError:
            raise LogUnavailable(f"append to {stream}: no answer within {seconds} s") from None
        except Lost as lost:
            raise LogUnavailable(f"append to {stream}: {lost}") from lost

    async def _insist(
        self, request: Request, meaning: Callable[[streams_pb2.BatchAppendResp], Appended]
    ) -> Appended:
        """Raises Lost once patience has run out, and what the answer means."""
        delays = self._patience.delays()
        for _ in range(self._patience.attempts - 1):
            try:
                return meaning(await self._ask(request))
            except Lost:
                await asyncio.sleep(next(delays))
        return meaning(await self._ask(request))

    async def _ask(self, request: Request) -> streams_pb2.BatchAppendResp:
        session = self._session
        if session is None or session.end is not None:
            session = await self._open()
        return await session.ask(request, self._patience.answer)

    async def _open(self) -> AppendSession:
        async with self._opening:
            if self._session is None or self._session.end is not None:
                await self._replace(self._session)
            assert self._session is not None
            return self._session

    async def _replace(self, ended: AppendSession | None) -> None:
        await self._stop_runner()
        if ended is not None or self._connection.node is None:
            await self._connection.renew(self._connection.node, ended.leader if ended else None)
        self._session = AppendSession(self._connection.batch_append())
        self._runner = asyncio.create_task(self._session.run())

    async def _stop_runner(self) -> None:
        runner, self._runner = self._runner, None
        if runner is None:
            return
        runner.cancel()
        await asyncio.wait([runner])
        if not runner.cancelled():
            runner.result()


def _request(
    stream: str, events: Sequence[NewEvent], expected: int, deadline_seconds: float
) -> Request:
    options = Request.Options(
        stream_identifier=shared_pb2.StreamIdentifier(stream_name=stream.encode()),
        deadline=duration_pb2.Duration(nanos=0, seconds=max(1, int(deadline_seconds))),
    )
    if expected == 0:
        options.no_stream.CopyFrom(_EMPTY)
    else:
        options.stream_position = expected - 1
    return Request(
        correlation_id=shared_pb2.UUID(string=str(uuid4())),
        options=options,
        proposed_messages=[_proposed(event) for event in events],
        is_final=True,
    )


def _proposed(event: NewEvent) -> Request.ProposedMessage:
    return Request.ProposedMessage(
        id=shared_pb2.UUID(string=str(event.id)),
        metadata={"type": event.type, "content-type": "application/json"},
        custom_metadata=event.metadata,
        data=event.data,
    )
