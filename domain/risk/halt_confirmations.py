"""Which halts are confirmed, and where in the log."""

import asyncio

from domain.event import Event
from domain.risk.events import TradingHalted, TradingHaltRequested, TradingResumed

Halt = tuple[str, str]
"""A scope, and the id of the change that halted it."""


class HaltConfirmations:
    """Remembers, as a scope does, every halt there was: the position of what confirmed it.

    It is told the events of risk streams once each, in the log's order.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, set[str]] = {}
        self._confirmed: dict[Halt, int] = {}
        self._news = asyncio.Event()

    def note(self, event: Event, position: int) -> None:
        match event:
            case TradingHaltRequested(scope=scope, change_id=change_id):
                self._waiting.setdefault(scope, set()).add(change_id)
            case TradingHalted(scope=scope, change_id=change_id):
                self._confirm(scope, {change_id, *self._waiting.pop(scope, ())}, position)
            case TradingResumed(scope=scope):
                self._waiting.pop(scope, None)

    async def until_confirmed(self, scope: str, change_id: str) -> int:
        """The position of the TradingHalted that answers a halt.

        A halt that is lifted before it is confirmed never is: bound the wait.
        """
        while (position := self._confirmed.get((scope, change_id))) is None:
            await self._news.wait()
        return position

    def _confirm(self, scope: str, change_ids: set[str], position: int) -> None:
        """One confirmation answers every halt that was asked for before it."""
        for change_id in change_ids:
            self._confirmed.setdefault((scope, change_id), position)
        self._news.set()
        self._news = asyncio.Event()
