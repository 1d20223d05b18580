"""One BatchAppend call, kept open, with the appends of many callers in flight."""

import asyncio
from uuid import UUID

from esdbclient.protos.Grpc import streams_pb2

from domain.log import LogFailed
from infra.log.eventstoredb.connection import AppendCall, receive, send
from infra.log.eventstoredb.decoding import uuid_of
from infra.log.eventstoredb.failures import Lost

Request = streams_pb2.BatchAppendReq
Answer = streams_pb2.BatchAppendResp


class AppendSession:
    """Pairs answers with requests by correlation id. ``run`` must be running."""

    def __init__(self, call: AppendCall) -> None:
        self._call = call
        self._outbox: asyncio.Queue[tuple[UUID, Request]] = asyncio.Queue()
        self._waiting: dict[UUID, asyncio.Future[Answer]] = {}
        self._heard = asyncio.get_running_loop().time()
        self.end: Lost | LogFailed | None = None
        """Why it takes no more requests."""

    @property
    def leader(self) -> str | None:
        """Where the server pointed to when it ended the call."""
        return self.end.leader if isinstance(self.end, Lost) else None

    async def run(self) -> None:
        """Send and receive until the call ends or this task is cancelled; then fail who waits."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._send())
                tasks.create_task(self._receive())
        except* (Lost, LogFailed) as ends:
            self._close(ends.exceptions[0])
        finally:
            self._close(Lost("the append stream was closed"))
            self._call.cancel()

    async def ask(self, request: Request, timeout: float) -> Answer:
        """The server's answer. Raises Lost, also after ``timeout`` seconds, and LogFailed."""
        if self.end is not None:
            raise _again(self.end)
        loop = asyncio.get_running_loop()
        correlation_id = uuid_of(request.correlation_id)
        asked = loop.time()
        future: asyncio.Future[Answer] = loop.create_future()
        self._waiting[correlation_id] = future
        self._outbox.put_nowait((correlation_id, request))
        try:
            async with asyncio.timeout(timeout):
                return await future
        except TimeoutError:
            if self._heard < asked:
                self._close(Lost("the append stream fell silent"))
                self._call.cancel()
            raise Lost(f"no answer within {timeout:.1f} s") from None
        finally:
            self._waiting.pop(correlation_id, None)

    async def _send(self) -> None:
        while True:
            correlation_id, request = await self._outbox.get()
            if correlation_id not in self._waiting:
                continue
            try:
                await send(self._call, request)
            except (Lost, LogFailed):
                return  # the call is over, and only the receiver learns for what reason

    async def _receive(self) -> None:
        loop = asyncio.get_running_loop()
        while (answer := await receive(self._call)) is not None:
            self._heard = loop.time()
            future = self._waiting.get(uuid_of(answer.correlation_id))
            if future is not None and not future.done():
                future.set_result(answer)
        raise Lost("the server ended the append stream")

    def _close(self, end: BaseException) -> None:
        if self.end is not None or not isinstance(end, Lost | LogFailed):
            return
        self.end = end
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(_again(end))


def _again(end: Lost | LogFailed) -> Lost | LogFailed:
    """An exception is raised once; each caller gets one of its own."""
    return type(end)(str(end))
