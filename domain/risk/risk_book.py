"""The limits of all scopes, kept current by following the log."""

from collections.abc import Iterable, Sequence
from contextlib import aclosing

from domain.event import Event, decode
from domain.log import START, CaughtUp, EventFilter, EventLog, RecordedEvent
from domain.risk.halt_confirmations import HaltConfirmations
from domain.risk.risk_limits import SYSTEM_SCOPE, RiskLimits

_ONLY_RISK = EventFilter(categories=frozenset({RiskLimits.category}))


class RiskBook:
    """Every scope's limits and trading state in memory.

    ``is_current`` is false until the log has been read to its end, and again when following it
    fails: then nothing may be decided on what this book says.
    """

    def __init__(self) -> None:
        self._scopes: dict[str, RiskLimits] = {}
        self._halts = HaltConfirmations()
        self.is_current = False

    def scope(self, scope: str) -> RiskLimits:
        """The scope as last heard of; an empty one (version 0) where nothing is set."""
        return self._scopes.get(scope) or RiskLimits.empty(scope)

    def scopes_of(
        self, client_id: str, account_id: str, strategy_id: str | None
    ) -> tuple[RiskLimits, ...]:
        """The scopes that bind an order, widest first."""
        names = [SYSTEM_SCOPE, f"client:{client_id}", f"account:{account_id}"]
        if strategy_id is not None:
            names.append(f"strategy:{strategy_id}")
        return tuple(self.scope(name) for name in names)

    def note(self, events: Iterable[Event]) -> None:
        """Take in events of risk streams.

        Those it has already, and those that came here before what precedes them, are passed over:
        following the log brings them in order.
        """
        for event in events:
            scope = self.scope(event.originator_id)
            if event.originator_version == scope.version + 1:
                event.mutate(scope)
                self._scopes[scope.id] = scope

    async def follow(self, log: EventLog) -> None:
        """Read the log and keep following it until cancelled; never current after a failure."""
        try:
            async with aclosing(log.subscribe(after=START, only=_ONLY_RISK)) as subscription:
                async for page in subscription:
                    if isinstance(page, CaughtUp):
                        self.is_current = True
                    else:
                        self._hear(page)
        finally:
            self.is_current = False

    async def until_halt_confirmed(self, scope: str, change_id: str) -> int:
        """Wait for the log to say that no intent can follow a halt; where it says so.

        Nothing bounds the wait, and ``follow`` must be running.
        """
        return await self._halts.until_confirmed(scope, change_id)

    def _hear(self, page: Sequence[RecordedEvent]) -> None:
        for recorded in page:
            event = decode(recorded)
            self.note((event,))
            self._halts.note(event, recorded.position)
