"""What a recovery needs of the read models: the composition root says how they are built."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Built(NamedTuple):
    """A read model as it stands at a position: the events it is folded from, and its rows."""

    position: int
    events: int
    rows: int


class ReadModels(Protocol):
    """Every method raises PartFailed."""

    @property
    def names(self) -> Sequence[str]: ...

    async def damage(self) -> Sequence[str]:
        """What is missing or has stopped, in words for people; a wrong row is not noticed."""
        ...

    async def forget(self) -> None:
        """No build counts any more. Their tables stay readable until others take their place."""
        ...

    async def build(self, name: str) -> Built:
        """From the first event to the last, and in the place of what was there."""
        ...

    async def drop_leftovers(self) -> Sequence[str]:
        """The schemas of builds that were forgotten, by name."""
        ...
