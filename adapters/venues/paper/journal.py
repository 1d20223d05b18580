"""The port to the venue's durable memory."""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import Protocol

from adapters.venues.paper.entry import Entry, OrderEntry
from domain.venue import FillReport


class JournalFailed(Exception):
    """The journal refused or broke for good, or another venue writes it: the venue must stop."""


class PaperJournal(Protocol):
    """An append-only sequence of entries, counted from 1: the account of what was executed."""

    def load(self) -> AsyncGenerator[Sequence[Entry]]:
        """All entries in order, in non-empty pages. Raises JournalFailed."""
        ...

    async def append(self, after: int, entries: Sequence[Entry]) -> None:
        """Make entries ``after + 1`` and on, all or none; durable when it returns.

        The same append again changes nothing. Raises JournalFailed, also where another entry
        stands in the place of one of these.
        """
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
