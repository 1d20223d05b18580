"""Money that comes to or leaves an account of the log, moved at the paper venue as well."""

from collections import OrderedDict
from contextlib import aclosing

from adapters.venues.paper.venue import PaperVenue
from domain.account.events import AccountOpened, FundsDeposited, FundsWithdrawn
from domain.event import decode
from domain.log import EventFilter, EventLog, RecordedEvent

TRANSFERS = EventFilter(
    types=frozenset({FundsDeposited.__name__, FundsWithdrawn.__name__}),
    categories=frozenset({"account"}),
)

MAX_REMEMBERED = 10_000
"""Accounts whose venue is kept in mind."""


class Funding:
    """``handle`` is for a LogWorker on TRANSFERS; handling an event again changes nothing."""

    def __init__(self, log: EventLog, venue: PaperVenue) -> None:
        self._log = log
        self._venue = venue
        self._venue_names: OrderedDict[str, str] = OrderedDict()

    async def handle(self, recorded: RecordedEvent) -> None:
        """Raises VenueUnavailable and what reading the log raises: then it is to be tried again."""
        event = decode(recorded)
        if not isinstance(event, FundsDeposited | FundsWithdrawn):
            return
        if await self._venue_name_of(recorded.stream) != self._venue.name:
            return
        amount = event.amount if isinstance(event, FundsDeposited) else -event.amount
        await self._venue.transfer(event.originator_id, event.transfer_id, event.asset, amount)

    async def _venue_name_of(self, stream: str) -> str:
        """Where the account is; its stream begins with that."""
        known = self._venue_names.get(stream)
        if known is not None:
            return known
        opened = decode(await self._first_event(stream))
        assert isinstance(opened, AccountOpened), opened
        self._venue_names[stream] = opened.venue
        if len(self._venue_names) > MAX_REMEMBERED:
            self._venue_names.popitem(last=False)
        return opened.venue

    async def _first_event(self, stream: str) -> RecordedEvent:
        async with aclosing(self._log.read_stream(stream, page_size=1)) as pages:
            return (await anext(pages))[0]
