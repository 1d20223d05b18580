"""Who hears how a rebuild goes on."""

from typing import Protocol

from replay.cut import Cut
from replay.schemas import Progress


class RebuildListener(Protocol):
    def started(self, cut: Cut, progress: Progress) -> None:
        """``progress`` is where it goes on from: nothing for a new one."""
        ...

    def moved(self, progress: Progress) -> None:
        """A page more is folded and kept."""
        ...

    def digesting(self) -> None:
        """All is folded; now the tables are read for their digests."""
        ...
