"""Every implementation of the event log port, as the contract suite drives it.

A new implementation adds a factory to LOGS and has the whole suite.
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from psycopg.conninfo import conninfo_to_dict

from domain.log import EventLog
from infra.log.eventstoredb import EventStoreDBEventLog
from infra.log.postgres import PostgresEventLog
from tests.contract.fresh_view import FreshView
from tests.contract.long_log import METADATA, NOTE, STREAMS, TYPE, long_log
from tests.doubles.eventstoredb import EventStoreDBDouble, Store
from tests.doubles.eventstoredb.record import Proposed
from tests.doubles.faulty_network import FaultyNetwork
from tests.doubles.memory_log import MemoryEventLog

SERVER_URI = "PATRIOT_TEST_EVENTSTOREDB_URI"


@dataclass(frozen=True)
class LogUnderTest:
    """A fresh, empty log and what may happen to it.

    ``second`` opens another log on the same store, as another process would.
    ``lose_next_answer``: the next append is stored, its answer never arrives.
    ``disconnect``: the connections of ``log`` break, and can be made again at once.
    ``fill`` stores ``tests.contract.long_log.long_log(count)`` in an empty log by the fastest
    way there is, and ``long`` is how many events make a long log for it: as many as keep the test
    within some seconds.
    """

    log: EventLog
    second: Callable[[], Awaitable[EventLog]]
    lose_next_answer: Callable[[], None]
    disconnect: Callable[[], None]
    fill: Callable[[int], Awaitable[None]]
    long: int = 1_000_000


Opener = Callable[[], AbstractAsyncContextManager[LogUnderTest]]
Factory = Callable[[pytest.FixtureRequest], Opener]
"""Takes from the request the fixtures it needs (no loop runs yet), and gives what opens the log."""


def memory(request: pytest.FixtureRequest) -> Opener:
    del request

    @asynccontextmanager
    async def open_log() -> AsyncIterator[LogUnderTest]:
        log = MemoryEventLog()

        async def second() -> EventLog:
            return MemoryEventLog(log.store)

        async def fill(count: int) -> None:
            for stream, version, event in long_log(count):
                log.store.append(stream, [event], version - 1)

        yield LogUnderTest(log, second, log.lose_next_answer, lambda: None, fill, long=100_000)
        await log.close()

    return open_log


def postgres(request: pytest.FixtureRequest) -> Opener:
    dsn: str = request.getfixturevalue("postgres_dsn")

    @asynccontextmanager
    async def open_log() -> AsyncIterator[LogUnderTest]:
        async with AsyncExitStack() as stack:
            network = await stack.enter_async_context(network_to(dsn))
            faulty_dsn = dsn_through(network, dsn)
            log = await stack.enter_async_context(PostgresEventLog.open(faulty_dsn))

            async def second() -> EventLog:
                return await stack.enter_async_context(PostgresEventLog.open(dsn))

            async def fill(count: int) -> None:
                await fill_postgres(dsn, count)

            yield LogUnderTest(log, second, network.lose_next_answer, network.disconnect, fill)

    return open_log


def eventstoredb(request: pytest.FixtureRequest) -> Opener:
    """The wire-level double, by way of a network."""
    del request

    @asynccontextmanager
    async def open_log() -> AsyncIterator[LogUnderTest]:
        async with AsyncExitStack() as stack:
            double = await stack.enter_async_context(EventStoreDBDouble())
            network = await stack.enter_async_context(
                FaultyNetwork.to("127.0.0.1", double.ports[0])
            )
            faulty_uri = f"esdb://127.0.0.1:{network.port}?Tls=false"
            log = await stack.enter_async_context(EventStoreDBEventLog.open(faulty_uri))

            async def second() -> EventLog:
                return await stack.enter_async_context(EventStoreDBEventLog.open(double.uri))

            def lose_next_answer() -> None:
                double.faults.drop_answers += 1

            async def fill(count: int) -> None:
                fill_eventstoredb(double.store, count)

            yield LogUnderTest(log, second, lose_next_answer, network.disconnect, fill, long=25_000)

    return open_log


def eventstoredb_server(request: pytest.FixtureRequest) -> Opener:
    """A real server, of which nobody else makes use: ``PATRIOT_TEST_EVENTSTOREDB_URI``."""
    del request
    uri = os.environ[SERVER_URI]

    @asynccontextmanager
    async def open_log() -> AsyncIterator[LogUnderTest]:
        async with AsyncExitStack() as stack:
            server = urlsplit(uri)
            network = await stack.enter_async_context(
                FaultyNetwork.to(server.hostname or "localhost", server.port or 2113)
            )
            credentials, at, _ = server.netloc.rpartition("@")
            netloc = f"{credentials}{at}127.0.0.1:{network.port}"
            faulty_uri = urlunsplit(server._replace(netloc=netloc))
            log = await stack.enter_async_context(EventStoreDBEventLog.open(faulty_uri))
            fresh = await FreshView.of(log)

            async def second() -> EventLog:
                other = await stack.enter_async_context(EventStoreDBEventLog.open(uri))
                return fresh.through(other)

            async def fill(count: int) -> None:
                for stream, version, event in long_log(count):
                    await fresh.append(stream, [event], expected_version=version - 1)

            yield LogUnderTest(
                fresh, second, network.lose_next_answer, network.disconnect, fill, long=10_000
            )

    return open_log


LOGS: dict[str, Factory] = {"memory": memory, "postgres": postgres, "eventstoredb": eventstoredb}
if SERVER_URI in os.environ:
    LOGS["eventstoredb_server"] = eventstoredb_server


def fill_eventstoredb(store: Store, count: int) -> None:
    """Puts the events past the wire."""
    for stream, version, event in long_log(count):
        proposed = Proposed(event.id, event.type, "application/json", event.data, event.metadata)
        store.append(stream, version - 2, [proposed])


@asynccontextmanager
async def network_to(dsn: str) -> AsyncIterator[FaultyNetwork]:
    """A network that ends at the server of a DSN."""
    host, port = _address(dsn)
    async with FaultyNetwork.to(host, port) as network:
        yield network


def dsn_through(network: FaultyNetwork, dsn: str) -> str:
    """The DSN of the same database, by way of the network."""
    parts = conninfo_to_dict(dsn)
    return f"postgresql://{parts['user']}@127.0.0.1:{network.port}/{parts['dbname']}"


async def fill_postgres(dsn: str, count: int) -> None:
    """Writes past the log: nobody else may be appending."""
    statement = Path(__file__).with_name("fill_postgres.sql").read_text("utf-8")
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("set jit = off")
        await connection.execute(statement, count, STREAMS, TYPE, NOTE, METADATA)
        await connection.execute("analyze log.events")
    finally:
        await connection.close()


def _address(dsn: str) -> tuple[str, int | None]:
    parts = conninfo_to_dict(dsn)
    host, port = str(parts["host"]), int(parts["port"] or 5432)
    if host.startswith("/"):
        return f"{host}/.s.PGSQL.{port}", None
    return host, port
