"""A moment: the tables of one read model as they stood at one position of the log."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol


class MomentLost(ConnectionError):
    """The tables are gone, with the connection that held them: make them anew."""


class Moment(Protocol):
    async def rows(self, statement: str, arguments: Sequence[object]) -> Sequence[dict[str, Any]]:
        """What a statement over the views in ``read`` answers here. Raises MomentLost."""
        ...

    async def close(self) -> None:
        """Give back what it holds; never raises for a database that is away."""
        ...


MakeMoment = Callable[[str, int], Awaitable[Moment]]
"""The moment of a read model by its name, at a position."""
