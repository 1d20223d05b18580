"""A connection of its own to the right node: the client package's channel, stubs, credentials.

Retries are left to the callers: the client's own reconnect ends every other call it has open
without an error, and its retry of an append may send nothing.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import overload
from urllib.parse import unquote

import grpc
from esdbclient import AsyncEventStoreDBClient
from esdbclient.connection import AsyncESDBConnection
from esdbclient.exceptions import EventStoreDBClientException
from esdbclient.protos.Grpc import streams_pb2

from domain.log import LogFailed
from infra.log.eventstoredb.failures import Lost, failure_of
from infra.log.eventstoredb.patience import Patience

ReadCall = grpc.aio.UnaryStreamCall[streams_pb2.ReadReq, streams_pb2.ReadResp]
AppendCall = grpc.aio.StreamStreamCall[streams_pb2.BatchAppendReq, streams_pb2.BatchAppendResp]


class Connection(AsyncEventStoreDBClient):
    """One channel at a time, to the node that the URI prefers or that a server pointed to."""

    def __init__(self, uri: str, patience: Patience) -> None:
        """Raises ValueError for a URI that cannot be right, without repeating its password."""
        try:
            super().__init__(uri)
        except ValueError as error:
            reason = str(error).replace(uri, "").strip(" :")
            raise ValueError(f"not an EventStoreDB URI: {reason}") from None
        # The client hands on what the URI holds without decoding it.
        self._call_credentials = self.construct_call_credentials(
            unquote(self.connection_spec.username or ""),
            unquote(self.connection_spec.password or ""),
        )
        self._patience = patience
        self._renewal = asyncio.Lock()
        milliseconds = int(patience.keepalive * 1_000)
        self.grpc_options += (
            # The client's own option for this has a name that gRPC does not know.
            ("grpc.keepalive_time_ms", milliseconds),
            ("grpc.keepalive_timeout_ms", milliseconds),
            # Without this an unanswered ping closes a connection only after a minute.
            ("grpc.http2.ping_timeout_ms", milliseconds),
            ("grpc.http2.max_pings_without_data", 0),
            # A slow reader fills the window of its whole TCP connection: share none.
            ("grpc.use_local_subchannel_pool", 1),
        )

    @property
    def targets(self) -> str:
        """Where the URI points to, without credentials."""
        return ",".join(self.connection_spec.targets)

    @property
    def node(self) -> AsyncESDBConnection | None:
        """The channel in use, None before the first; hand it to ``renew`` when a call was lost."""
        return getattr(self, "_connection", None)

    async def renew(self, failed: AsyncESDBConnection | None, leader: str | None = None) -> None:
        """Replace a channel that failed, unless another caller has done so. Raises Lost.

        Raises LogFailed after ``close``.
        """
        async with self._renewal:
            if self._is_closed:
                raise LogFailed("the log is closed")
            if self.node is failed:
                self._connection = await self._find(leader)
                if failed is not None:
                    await failed._grpc_channel.close()

    def read(self, request: streams_pb2.ReadReq, timeout: float | None = None) -> ReadCall:
        """Raises Lost on a channel that was closed meanwhile."""
        streams = self._connection.streams
        with _open_channel():
            call: ReadCall = streams._stub.Read(
                request,
                timeout=timeout,
                metadata=streams._metadata(self._call_metadata),
                credentials=self._call_credentials,
            )
        return call

    def batch_append(self) -> AppendCall:
        """Raises Lost on a channel that was closed meanwhile."""
        streams = self._connection.streams
        with _open_channel():
            call: AppendCall = streams._stub.BatchAppend(
                metadata=streams._metadata(self._call_metadata, requires_leader=True),
                credentials=self._call_credentials,
            )
        return call

    async def close(self) -> None:
        """No new calls; those under way end by themselves, within their deadlines."""
        was_closed, self._is_closed = self._is_closed, True
        if self.node is not None and not was_closed:
            await self._connection._grpc_channel.close()

    async def _find(self, target: str | None) -> AsyncESDBConnection:
        try:
            async with asyncio.timeout(self._patience.connect):
                return await self._connect(target)
        except (EventStoreDBClientException, TimeoutError) as error:
            raise Lost(f"no node found at {self.targets}: {error}") from error


@contextmanager
def _open_channel() -> Iterator[None]:
    try:
        yield
    except grpc.aio.UsageError as error:
        raise Lost(str(error)) from error


@overload
async def receive(call: ReadCall) -> streams_pb2.ReadResp | None: ...
@overload
async def receive(call: AppendCall) -> streams_pb2.BatchAppendResp | None: ...
async def receive(
    call: ReadCall | AppendCall,
) -> streams_pb2.ReadResp | streams_pb2.BatchAppendResp | None:
    """The next message, None at a regular end. Raises Lost and LogFailed.

    gRPC reports a call that was cancelled, also by the server, as a cancellation of this task;
    only a real one may look like that.
    """
    try:
        message = await call.read()
    except grpc.aio.AioRpcError as error:
        raise failure_of(error) from error
    except asyncio.CancelledError:
        if _is_cancelled():
            raise
        raise Lost("the connection was closed") from None
    if isinstance(message, streams_pb2.ReadResp | streams_pb2.BatchAppendResp):
        return message
    return None  # gRPC's end of the stream


async def send(call: AppendCall, message: streams_pb2.BatchAppendReq) -> None:
    """Raises Lost and LogFailed, as ``receive`` does."""
    try:
        await call.write(message)
    except grpc.aio.AioRpcError as error:
        raise failure_of(error) from error
    except asyncio.InvalidStateError as error:
        raise Lost("the call has ended") from error
    except asyncio.CancelledError:
        if _is_cancelled():
            raise
        raise Lost("the connection was closed") from None


def _is_cancelled() -> bool:
    """Whether this very task is being cancelled, not only a call that it waits for."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0
