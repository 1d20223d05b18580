"""The port to the venue's durable memory."""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import Protocol

from adapters.venues.paper.entry import Entry, OrderEntry
from adapters.venues.paper.snapshot import Snapshot
from domain.venue import FillReport


class JournalFailed(Exception):
    """The journal refused or broke for good, or another venue writes it: the venue must stop."""


class PaperJournal(Protocol):
    """An append-only sequence of entries, counted from 1: the account of what was executed.

    Snapshots beside it are a shortcut to where it stands.
    """

    def load(self, after: int = 0) -> AsyncGenerator[Sequence[Entry]]:
        """The entries from ``after + 1`` on, in order, in non-empty pages. Raises JournalFailed."""
        ...

    async def append(self, after: int, entries: Sequence[Entry]) -> None:
        """Make entries ``after + 1`` and on, all or none; durable when it returns.

        The same append again changes nothing. Raises JournalFailed, also where another entry
        stands in the place of one of these.
        """
        ...

    async def snapshots(self) -> Sequence[Snapshot]:
        """Those that have not been put aside, the newest first."""
        ...

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep it, and only a few older ones. Raises VenueUnavailable."""
        ...

    async def put_snapshot_aside(self, sequence: int, reason: str) -> None:
        """It is not to be used again."""
        ...

    async def entries_of(self, account_id: str, client_order_id: str) -> Sequence[OrderEntry]:
        """All entries under a client id, in order. Raises VenueUnavailable."""
        ...

    async def entries_of_venue_order(
        self, account_id: str, venue_order_id: str
    ) -> Sequence[OrderEntry]:
        """All entries of one order, in order, perhaps among others. Raises VenueUnavailable."""
        ...

    async def fills_since(self, account_id: str, at: datetime) -> Sequence[FillReport]:
        """The account's executions at or after an instant, in order, busted ones left out.

        Raises VenueUnavailable.
        """
        ...

    async def find_fill(self, account_id: str, symbol: str, trade_id: str) -> FillReport | None:
        """One execution, busted or not. Raises VenueUnavailable."""
        ...
