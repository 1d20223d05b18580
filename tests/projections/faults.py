"""A pool whose connections break at a step: a statement, or the end of a transaction."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any

import asyncpg
import psycopg

if TYPE_CHECKING:
    from projections.connection import Connection, Pool


class Steps:
    """Counts the steps of all connections of a pool, and does something at one of them."""

    def __init__(self) -> None:
        self.taken = 0

    async def pass_by(self, connection: "Connection", statement: str = "") -> None:
        self.taken += 1


class KillAt(Steps):
    """The server ends the session right before a step, as when its backend is killed."""

    def __init__(self, step: int, dsn: str) -> None:
        super().__init__()
        self._step = step
        self._dsn = dsn

    async def pass_by(self, connection: "Connection", statement: str = "") -> None:
        await super().pass_by(connection, statement)
        if self.taken == self._step:
            # Without the event loop, so that no cancellation comes between.
            with psycopg.connect(self._dsn, autocommit=True) as killer:
                # Waits until the session is gone, up to the time given in milliseconds.
                killer.execute(
                    "select pg_terminate_backend(%s, 5000)", [connection.get_server_pid()]
                )


class CancelAt(Steps):
    """The task is cancelled right before a step."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self._step = step

    async def pass_by(self, connection: "Connection", statement: str = "") -> None:
        await super().pass_by(connection, statement)
        if self.taken == self._step:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()


class HoldAt(Steps):
    """Stands before a step until it is let go on."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self._step = step
        self.reached = asyncio.Event()
        self.go_on = asyncio.Event()

    async def pass_by(self, connection: "Connection", statement: str = "") -> None:
        await super().pass_by(connection, statement)
        if self.taken == self._step:
            self.reached.set()
            await self.go_on.wait()


class HoldBefore(Steps):
    """Stands before the first statement with some words in it until it is let go on."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self._words = words
        self.reached = asyncio.Event()
        self.go_on = asyncio.Event()

    async def pass_by(self, connection: "Connection", statement: str = "") -> None:
        await super().pass_by(connection, statement)
        if self._words in statement:
            self.reached.set()
            await self.go_on.wait()


class SteppedConnection:
    """Counts statements, the begin of a transaction, its commit, and what comes after it."""

    def __init__(self, connection: "Connection", steps: Steps) -> None:
        self._connection = connection
        self._steps = steps

    def transaction(self, **options: Any) -> AbstractAsyncContextManager[None]:
        return self._transaction(**options)

    async def execute(self, *arguments: Any) -> str:
        await self._steps.pass_by(self._connection, str(arguments[0]))
        return await self._connection.execute(*arguments)

    async def fetch(self, *arguments: Any) -> list[asyncpg.Record]:
        await self._steps.pass_by(self._connection, str(arguments[0]))
        return await self._connection.fetch(*arguments)

    async def fetchrow(self, *arguments: Any) -> asyncpg.Record | None:
        await self._steps.pass_by(self._connection, str(arguments[0]))
        return await self._connection.fetchrow(*arguments)

    async def fetchval(self, *arguments: Any) -> Any:
        await self._steps.pass_by(self._connection, str(arguments[0]))
        return await self._connection.fetchval(*arguments)

    @asynccontextmanager
    async def _transaction(self, **options: Any) -> AsyncIterator[None]:
        await self._steps.pass_by(self._connection)
        async with self._connection.transaction(**options):
            yield
            await self._steps.pass_by(self._connection)
        await self._steps.pass_by(self._connection)


class SteppedPool:
    """A pool in all that the workers use of one."""

    def __init__(self, pool: "Pool", steps: Steps) -> None:
        self._pool = pool
        self._steps = steps

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[SteppedConnection]:
        async with self._pool.acquire() as connection:
            yield SteppedConnection(connection, self._steps)


def stepped(pool: "Pool", steps: Steps) -> "Pool":
    """The pool with steps, to be handed in where a pool is wanted."""
    return SteppedPool(pool, steps)  # type: ignore[return-value]  # in all that is used of it
