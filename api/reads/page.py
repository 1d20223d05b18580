"""One page of a list, by keyset: rows that come in between neither repeat nor hide others."""

from collections.abc import Sequence
from typing import Generic, TypeVar

import asyncpg
import msgspec
from starlette.responses import Response

from api.errors import Problem
from api.queries import query
from api.reads.cursor import decode_cursor, encode_cursor
from api.reads.database import Database
from api.reads.past import ModelThen
from api.reads.rows import Row, items

KeyT = TypeVar("KeyT", bound=msgspec.Struct)


class Pages(Generic[KeyT]):
    """A list's statement, which ends in the cursor's columns and the limit."""

    def __init__(self, database: Database, statement: str, key: type[KeyT]) -> None:
        self._database = database
        self._sql = query(statement)
        self._key = key

    async def rows(
        self,
        arguments: Sequence[object],
        cursor: str | None,
        limit: int,
        then: ModelThen | None = None,
    ) -> Sequence[Row]:
        """At most ``limit`` rows and, where more follow, one beyond; of now, or as they were then.

        Raises Problem ``invalid_cursor``, and what ``ModelThen.rows`` raises.
        """
        key = decode_cursor(cursor, self._key, _position(then))
        width = len(self._key.__struct_fields__)
        after = (None,) * width if key is None else msgspec.structs.astuple(key)
        source = self._database if then is None else then
        try:
            return await source.rows(self._sql, *arguments, *after, limit + 1)
        except asyncpg.DataError as error:
            if key is None:
                raise
            raise Problem("invalid_cursor", "not a cursor of this list", "cursor") from error

    def answer(self, rows: Sequence[Row], limit: int, then: ModelThen | None = None) -> Response:
        """The page, with the cursor of the next one."""
        if len(rows) <= limit:
            return items(rows)
        page = rows[:limit]
        last = page[-1]
        key = {name: last[name] for name in self._key.__struct_fields__}
        return items(page, encode_cursor(msgspec.convert(key, self._key), _position(then)))


def _position(then: ModelThen | None) -> int | None:
    return None if then is None else then.position
