"""The double as a running server: one node or a cluster, on free ports of the loopback."""

from collections import Counter
from types import TracebackType
from typing import Self

import grpc
from esdbclient.protos.Grpc import gossip_pb2_grpc, streams_pb2_grpc

from tests.doubles.eventstoredb.appends import MAX_APPEND_SIZE
from tests.doubles.eventstoredb.faults import Faults
from tests.doubles.eventstoredb.service import Cluster, Gossip, Streams
from tests.doubles.eventstoredb.store import Store

_OPTIONS = (
    ("grpc.max_receive_message_length", 17 * 1024 * 1024),
    # Clients may ping an idle connection as often as they like, as with the real server.
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.keepalive_permit_without_calls", 1),
)


class EventStoreDBDouble:
    """Faithful to the server's source as far as known, not yet compared with a real server.

    Start it with ``async with``; connect to ``uri``. ``faults`` makes it misbehave, ``calls``
    counts RPCs by method, ``store`` outlives ``stop`` and ``start``.
    """

    def __init__(
        self,
        *,
        nodes: int = 1,
        store: Store | None = None,
        max_append_size: int = MAX_APPEND_SIZE,
        tls: grpc.ServerCredentials | None = None,
        password: str | None = None,
    ) -> None:
        """``password`` is what must follow ``Basic`` in the authorization of a call."""
        self.store = store or Store()
        self.faults = Faults()
        self._cluster = Cluster(self.store, self.faults, max_append_size, password)
        self._nodes = nodes
        self._tls = tls
        self._servers: list[grpc.aio.Server] = []

    @property
    def calls(self) -> Counter[str]:
        return self._cluster.calls

    @property
    def metadata_keys(self) -> set[str]:
        return self._cluster.metadata_keys

    @property
    def ports(self) -> list[int]:
        return self._cluster.ports

    @property
    def uri(self) -> str:
        """Names every node, the leader first when the double is new."""
        targets = ",".join(f"{self._cluster.host}:{port}" for port in self.ports)
        return f"esdb://{targets}?Tls=false"

    def change_leader(self, node: int) -> None:
        """From now on only this node takes what requires the leader."""
        self._cluster.leader = node

    async def start(self) -> None:
        """Start all nodes, on the same ports as before if they ran before."""
        ports = self.ports or [0] * self._nodes
        self._cluster.ports = [await self._start(node, port) for node, port in enumerate(ports)]

    async def stop(self) -> None:
        """Cut all connections and stop; the data stays."""
        servers, self._servers = self._servers, []
        for server in servers:
            await server.stop(grace=None)

    async def _start(self, node: int, port: int) -> int:
        server = grpc.aio.server(options=_OPTIONS)
        streams_pb2_grpc.add_StreamsServicer_to_server(  # type: ignore[no-untyped-call]  # generated
            Streams(self._cluster, node), server
        )
        gossip_pb2_grpc.add_GossipServicer_to_server(  # type: ignore[no-untyped-call]  # generated
            Gossip(self._cluster), server
        )
        address = f"{self._cluster.host}:{port}"
        if self._tls is None:
            port = server.add_insecure_port(address)
        else:
            port = server.add_secure_port(address, self._tls)
        await server.start()
        self._servers.append(server)
        return port

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()
