"""Which accounts trade at a venue."""

from collections.abc import Sequence
from contextlib import aclosing

from domain.account.events import AccountOpened
from domain.event import decode
from domain.log import EventFilter, EventLog

_OPENINGS = EventFilter(types=frozenset({"AccountOpened"}))


class VenueAccounts:
    """Reads the log for what was opened since it was last asked."""

    def __init__(self, log: EventLog, venue_name: str) -> None:
        self._log = log
        self._venue_name = venue_name
        self._read_to = 0
        self._ids: list[str] = []

    async def list(self) -> Sequence[str]:
        """In the order of their opening. Raises LogUnavailable."""
        async with aclosing(self._log.read_all(after=self._read_to, only=_OPENINGS)) as pages:
            async for page in pages:
                for recorded in page:
                    opened = decode(recorded)
                    if isinstance(opened, AccountOpened) and opened.venue == self._venue_name:
                        self._ids.append(opened.originator_id)
                self._read_to = page[-1].position
        return tuple(self._ids)
