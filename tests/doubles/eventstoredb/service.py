"""The two gRPC services of a node, as handlers over a shared store."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

import grpc
from esdbclient.protos.Grpc import gossip_pb2, shared_pb2, streams_pb2

from tests.doubles.eventstoredb import reads, refusal
from tests.doubles.eventstoredb.appends import MAX_APPEND_SIZE, AppendSession
from tests.doubles.eventstoredb.faults import Faults
from tests.doubles.eventstoredb.refusal import Refusal
from tests.doubles.eventstoredb.store import ANY, EXISTS, NO_STREAM, Store, Tombstoned, WrongVersion
from tests.doubles.eventstoredb.subscriptions import Subscription

Context = grpc.aio.ServicerContext[Any, Any]
MemberInfo = gossip_pb2.MemberInfo


@dataclass(slots=True)
class Cluster:
    """What the nodes share: data, faults, who leads, and what clients did."""

    store: Store
    faults: Faults
    max_append_size: int = MAX_APPEND_SIZE
    password: str | None = None
    host: str = "127.0.0.1"
    ports: list[int] = field(default_factory=list)
    leader: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    """How often each method was called."""

    metadata_keys: set[str] = field(default_factory=set)
    """The names of all metadata that came with a call."""


class Streams:
    """``event_store.client.streams.Streams`` on one node."""

    def __init__(self, cluster: Cluster, node: int) -> None:
        self._cluster = cluster
        self._node = node

    async def Read(
        self, request: streams_pb2.ReadReq, context: Context
    ) -> AsyncIterator[streams_pb2.ReadResp]:
        try:
            self._admit("Read", context)
            async for message in _Interrupted(self._cluster.faults, self._read(request)).messages():
                yield message
        except Refusal as refused:
            await _abort(context, refused)

    async def _read(self, request: streams_pb2.ReadReq) -> AsyncIterator[streams_pb2.ReadResp]:
        faults = self._cluster.faults
        if request.options.WhichOneof("count_option") == "count":
            for message in reads.read(self._cluster.store, request.options):
                yield message
            return
        subscription = Subscription(
            self._cluster.store, request.options, unsafe_checkpoints=faults.unsafe_checkpoints
        )
        messages = subscription.messages()
        try:
            async for message in messages:
                await faults.reader_keeps_up.wait()
                yield message
        finally:
            await messages.aclose()  # type: ignore[attr-defined]  # typed as a mere iterator

    async def BatchAppend(
        self, requests: AsyncIterable[streams_pb2.BatchAppendReq], context: Context
    ) -> AsyncIterator[streams_pb2.BatchAppendResp]:
        faults = self._cluster.faults
        held: list[streams_pb2.BatchAppendResp] = []
        try:
            self._admit("BatchAppend", context)
            session = AppendSession(self._cluster.store, faults, self._cluster.max_append_size)
            async for request in requests:
                self._require_leader(context)
                response = session.handle(request)
                if session.has_ended:
                    return
                held += [] if response is None else [response]
                if len(held) >= faults.hold_answers:
                    for answer in reversed(held):
                        yield answer
                    held.clear()
            if session.owes_answers:
                await asyncio.Event().wait()
        except Refusal as refused:
            await _abort(context, refused)

    async def Delete(
        self, request: streams_pb2.DeleteReq, context: Context
    ) -> streams_pb2.DeleteResp:
        position = await self._remove("Delete", request.options, context)
        place = streams_pb2.DeleteResp.Position(commit_position=position, prepare_position=position)
        return streams_pb2.DeleteResp(position=place)

    async def Tombstone(
        self, request: streams_pb2.TombstoneReq, context: Context
    ) -> streams_pb2.TombstoneResp:
        position = await self._remove("Tombstone", request.options, context)
        place = streams_pb2.TombstoneResp.Position(
            commit_position=position, prepare_position=position
        )
        return streams_pb2.TombstoneResp(position=place)

    async def Append(self, requests: object, context: Context) -> NoReturn:
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "the client uses BatchAppend")

    async def _remove(
        self,
        method: str,
        options: streams_pb2.DeleteReq.Options | streams_pb2.TombstoneReq.Options,
        context: Context,
    ) -> int:
        name = options.stream_identifier.stream_name.decode()
        expected = _expected(options)
        store = self._cluster.store
        try:
            self._admit(method, context)
            self._require_leader(context)
            remove = store.delete if method == "Delete" else store.tombstone
            return remove(name, expected)
        except WrongVersion as wrong:
            await _abort(context, refusal.wrong_version(method, name, expected, wrong.current))
        except Tombstoned:
            await _abort(context, refusal.stream_deleted(name))
        except Refusal as refused:
            await _abort(context, refused)

    def _admit(self, method: str, context: Context) -> None:
        self._cluster.calls[method] += 1
        self._cluster.metadata_keys.update(_metadata(context))
        if self._cluster.faults.take("unavailable"):
            raise refusal.unavailable()
        if self._cluster.password is not None:
            self._authorize(context)
        if method == "Read":
            self._require_leader(context)

    def _authorize(self, context: Context) -> None:
        given = _metadata(context).get("authorization", "")
        text = given.decode() if isinstance(given, bytes) else given
        if text != f"Basic {self._cluster.password}":
            raise refusal.access_denied()

    def _require_leader(self, context: Context) -> None:
        required = _metadata(context).get("requires-leader") == "true"
        leader = self._cluster.leader
        if required and leader != self._node:
            raise refusal.not_leader(self._cluster.host, self._cluster.ports[leader])


class _Interrupted:
    """A read with the faults that were switched on when it began."""

    def __init__(self, faults: Faults, messages: AsyncIterator[streams_pb2.ReadResp]) -> None:
        self._messages = messages
        self._status = faults.drop_status
        self._drop, faults.drop_reads_after = faults.drop_reads_after, None
        self._end, faults.end_reads_after = faults.end_reads_after, None
        self._stall, faults.stall_reads_after = faults.stall_reads_after, None

    async def messages(self) -> AsyncIterator[streams_pb2.ReadResp]:
        sent = 0
        try:
            async for message in self._messages:
                if sent == self._drop:
                    raise refusal.dropped(self._status)
                if sent == self._end:
                    return
                if sent == self._stall:
                    await asyncio.Event().wait()
                yield message
                sent += 1
        finally:
            await self._messages.aclose()  # type: ignore[attr-defined]  # a generator


class Gossip:
    """``event_store.client.gossip.Gossip``: who is where and who leads."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def Read(self, _: shared_pb2.Empty, context: Context) -> gossip_pb2.ClusterInfo:
        self._cluster.calls["Gossip"] += 1
        if self._cluster.faults.take("unavailable"):
            await _abort(context, refusal.unavailable())
        return gossip_pb2.ClusterInfo(
            members=[self._member(node) for node in range(len(self._cluster.ports))]
        )

    def _member(self, node: int) -> MemberInfo:
        leads = node == self._cluster.leader
        return MemberInfo(
            instance_id=shared_pb2.UUID(string=f"00000000-0000-4000-8000-{node:012x}"),
            state=MemberInfo.Leader if leads else MemberInfo.Follower,
            is_alive=True,
            http_end_point=gossip_pb2.EndPoint(
                address=self._cluster.host, port=self._cluster.ports[node]
            ),
        )


def _expected(
    options: streams_pb2.DeleteReq.Options | streams_pb2.TombstoneReq.Options,
) -> int:
    match options.WhichOneof("expected_stream_revision"):
        case "revision":
            return options.revision
        case "no_stream":
            return NO_STREAM
        case "stream_exists":
            return EXISTS
        case _:
            return ANY


def _metadata(context: Context) -> dict[str, str | bytes]:
    return dict(context.invocation_metadata() or ())


async def _abort(context: Context, refused: Refusal) -> NoReturn:
    await context.abort(refused.code, refused.details, refused.trailers)
