"""The writer's connection: opened when needed, dropped after any doubt."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from asyncpg import UniqueViolationError

from infra.log.postgres.statements import APPEND, STREAM_VERSIONS

if TYPE_CHECKING:
    from asyncpg import Connection, Record
    from asyncpg.prepared_stmt import PreparedStatement


class AppendSession:
    """One connection with the append statement prepared on it."""

    def __init__(self, connect: "Callable[[], Awaitable[Connection[Record]]]") -> None:
        self._connect = connect
        self._connection: Connection[Record] | None = None
        self._append: PreparedStatement[Record] | None = None

    async def open(self) -> None:
        """Does nothing while the connection stands. Raises errors of the database."""
        if self._append is not None and self._connection and not self._connection.is_closed():
            return
        self.drop()
        self._connection = await self._connect()
        try:
            self._append = await self._connection.prepare(APPEND)
        except BaseException:
            self.drop()
            raise

    async def append(self, columns: Sequence[object]) -> int | None:
        """One transaction, flushed when it returns; see ``log.append``. None is a conflict, also
        where a new stream turns out to be there already. Raises errors of the database."""
        assert self._append is not None, "not open"
        try:
            head: int | None = await self._append.fetchval(*columns)
        except UniqueViolationError as conflict:
            if conflict.constraint_name != "events_stream_version_key":
                raise
            return None
        return head

    async def versions(self, streams: Sequence[str]) -> dict[str, int]:
        """Where the streams stand. Raises errors of the database."""
        assert self._connection is not None, "not open"
        rows = await self._connection.fetch(STREAM_VERSIONS, streams)
        return {row[0]: row[1] for row in rows}

    def drop(self) -> None:
        """What it was doing may still be committed by the server."""
        if self._connection is not None:
            self._connection.terminate()
        self._connection = self._append = None

    async def close(self) -> None:
        if self._connection is not None and not self._connection.is_closed():
            await self._connection.close()
        self._connection = self._append = None
