"""A live table read along with the log, so that neither need be held in memory."""

from collections import deque
from collections.abc import AsyncGenerator, Sequence
from typing import cast

from replay.verify.live_tables import Row


class RowsInOrder:
    def __init__(self, pages: AsyncGenerator[Sequence[Row]]) -> None:
        self._pages = pages
        self._rows: deque[Row] = deque()

    async def until(self, position: int) -> list[Row]:
        """The next rows, up to a position (inclusive)."""
        taken: list[Row] = []
        while await self._is_there() and _position(self._rows[0]) <= position:
            taken.append(self._rows.popleft())
        return taken

    async def rest(self) -> AsyncGenerator[Row]:
        while await self._is_there():
            yield self._rows.popleft()

    async def aclose(self) -> None:
        await self._pages.aclose()

    async def _is_there(self) -> bool:
        while not self._rows:
            page = await anext(self._pages, None)
            if page is None:
                return False
            self._rows.extend(page)
        return True


def _position(row: Row) -> int:
    return cast("int", row["position"])
