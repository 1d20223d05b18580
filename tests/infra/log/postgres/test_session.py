"""The writer's connection is made again when it was lost, also while nobody was looking."""

import asyncio
from typing import TYPE_CHECKING

from infra.log.postgres.connection import connect_writer, prepare_database
from infra.log.postgres.session import AppendSession

if TYPE_CHECKING:
    from asyncpg import Connection, Record


class Connections:
    """Every connection that was made, and when the last one was lost."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self.made: list[Connection[Record]] = []
        self.lost = asyncio.Event()

    async def connect(self) -> "Connection[Record]":
        connection = await connect_writer(self._dsn)
        connection.add_termination_listener(lambda *_: self.lost.set())
        self.made.append(connection)
        return connection


async def test_a_connection_lost_while_idle(postgres_dsn: str) -> None:
    await prepare_database(postgres_dsn)
    connections = Connections(postgres_dsn)
    session = AppendSession(connections.connect)
    await session.open()
    await session.open()
    assert len(connections.made) == 1

    killer = await connect_writer(postgres_dsn)
    await killer.execute("select pg_terminate_backend($1)", connections.made[0].get_server_pid())
    await killer.close()
    async with asyncio.timeout(30):
        await connections.lost.wait()

    await session.open()
    assert len(connections.made) == 2
    assert await session.versions(["order-1"]) == {"order-1": 0}
    await session.close()


async def test_what_is_dropped_is_made_again(postgres_dsn: str) -> None:
    await prepare_database(postgres_dsn)
    connections = Connections(postgres_dsn)
    session = AppendSession(connections.connect)
    await session.open()
    session.drop()
    session.drop()
    assert connections.made[0].is_closed()
    await session.open()
    assert await session.append([[]] * 8) == 0
    await session.close()
    await session.close()
    assert connections.made[1].is_closed()
