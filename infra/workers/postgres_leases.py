"""Leases in Postgres, on one connection that is opened when needed and dropped after any doubt."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

import asyncpg

from infra.workers import sql
from infra.workers.lease_table import LEASE_SECONDS, LeaseRow, LeaseTable, LeaseTableAway

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

LEASE = timedelta(seconds=LEASE_SECONDS)

ANSWER_SECONDS = 2.0
"""How long an answer is waited for: two attempts at least in the life of a lease."""

NO_ANSWER = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the connection ended between two messages of one statement
)

Answer = TypeVar("Answer")


class PostgresLeases:
    """Implements infra.workers.lease_table.LeaseTable; ``async with PostgresLeases.open(dsn)``.

    Every change is flushed before it is answered: a lease that a crash of the server took back
    would give an epoch away twice.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: Connection | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls, dsn: str) -> AsyncGenerator["PostgresLeases"]:
        leases = cls(dsn)
        try:
            yield leases
        finally:
            leases.drop()

    async def read(self, role: str) -> LeaseRow:
        async def ask(connection: "Connection") -> LeaseRow:
            row = await connection.fetchrow(sql.READ_LEASE, role)
            if row is None:
                await connection.execute(sql.REGISTER_ROLE, role)
                return await ask(connection)
            return LeaseRow(**row)

        return await self._ask(ask)

    async def take(self, role: str, seen: LeaseRow, holder: str, above: int) -> int | None:
        arguments = (role, seen.epoch, seen.expires_at, above, holder, LEASE)

        async def ask(connection: "Connection") -> int | None:
            epoch: int | None = await connection.fetchval(sql.TAKE_LEASE, *arguments)
            return epoch

        return await self._ask(ask)

    async def renew(self, role: str, epoch: int) -> bool:
        async def ask(connection: "Connection") -> bool:
            renewed = await connection.fetchval(sql.RENEW_LEASE, role, epoch, LEASE)
            return renewed is not None

        return await self._ask(ask)

    async def release(self, role: str, epoch: int) -> None:
        async def ask(connection: "Connection") -> None:
            await connection.execute(sql.RELEASE_LEASE, role, epoch)

        await self._ask(ask)

    def drop(self) -> None:
        """What the connection was asked last may still be done by the server."""
        if self._connection is not None:
            self._connection.terminate()
        self._connection = None

    async def _ask(self, question: Callable[["Connection"], Awaitable[Answer]]) -> Answer:
        try:
            return await question(await self._connected())
        except NO_ANSWER as error:
            self.drop()
            raise LeaseTableAway(f"no answer from the table of leases: {error!r}") from error
        except BaseException:
            self.drop()
            raise

    async def _connected(self) -> "Connection":
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(
                self._dsn,
                timeout=ANSWER_SECONDS,
                command_timeout=ANSWER_SECONDS,
                server_settings={
                    "application_name": "patriot lease",
                    "synchronous_commit": "on",
                },
            )
        return self._connection


def _conforms(leases: PostgresLeases) -> LeaseTable:
    return leases
