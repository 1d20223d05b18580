"""The read models' database, asked with one statement at a time."""

from typing import Any

from api.reads.pool import Pool
from api.reads.rows import Row


class Database:
    """Rows as plain dictionaries. Raises what asyncpg raises."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def rows(self, statement: str, *arguments: object) -> list[Row]:
        return [dict(record) for record in await self._pool.fetch(statement, *arguments)]

    async def row(self, statement: str, *arguments: object) -> Row | None:
        record = await self._pool.fetchrow(statement, *arguments)
        return None if record is None else dict(record)

    async def value(self, statement: str, *arguments: object) -> Any:
        return await self._pool.fetchval(statement, *arguments)
