"""What a rebuild needs of the read models: the composition root says how they fold."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from domain.event import Event
from domain.log import RecordedEvent
from replay.manifest import TableDigest

if TYPE_CHECKING:
    from replay.connection import Connection

    Write = Callable[[Connection], Awaitable[None]]
    """Writes the rows of a page, within its caller's transaction."""


class Happened(NamedTuple):
    """An event beside its record."""

    recorded: RecordedEvent
    event: Event


class PageFailed(Exception):
    """Some event of a page cannot be folded. Fold less at a time to know which one."""


class ReadModels(Protocol):
    """Read models in one schema. It keeps what it knows between pages: what it has folded must be
    written before the page after the next is folded, and ``forget`` comes after any failure."""

    @property
    def versions(self) -> Mapping[str, int]:
        """The versions of the read models by their names."""
        ...

    @property
    def tables(self) -> Sequence[str]: ...

    @property
    def is_full(self) -> bool:
        """It knows so much that it should forget, once all is written."""
        ...

    async def create(self, connection: "Connection") -> None:
        """Empty tables in a schema that is there."""
        ...

    async def fold(self, page: Sequence[Happened]) -> "Write":
        """Raises PageFailed."""
        ...

    def forget(self) -> None: ...

    async def digests(self, connection: "Connection") -> Sequence[TableDigest]:
        """Of every table, in the order of ``tables``."""
        ...


OpenModels = Callable[[str, Collection[str]], ReadModels]
"""The read models of a schema: those of some names, or all where none is given. Raises InvalidInput
``no_such_projection``."""
