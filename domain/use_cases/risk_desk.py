"""What can be asked for about limits and trading states."""

import re
from collections.abc import Callable

import msgspec

from domain.clock import Clock
from domain.command import CommandContext
from domain.errors import InvalidInput
from domain.event import Event
from domain.repository import Repository
from domain.risk.limits import Limits
from domain.risk.risk_book import RiskBook
from domain.risk.risk_limits import RiskLimits
from domain.use_cases.change import change
from domain.use_cases.result import Done

_SCOPE = re.compile(r"system|(?:client|account|strategy):[A-Za-z0-9._-]{1,64}", re.ASCII)


class SetLimits(msgspec.Struct, frozen=True):
    """All limits of a scope at once. ``change_id`` makes a repeated request the same change."""

    scope: str
    change_id: str
    limits: Limits
    reason: str


class ChangeTrading(msgspec.Struct, frozen=True):
    """A halt, reduction or resumption of a scope."""

    scope: str
    change_id: str
    reason: str


class RiskDesk:
    """Sets limits, halts and resumes. What it appends is in force in this process at once."""

    def __init__(self, repository: Repository, book: RiskBook, clock: Clock) -> None:
        self._repository = repository
        self._book = book
        self._clock = clock

    async def set_limits(self, request: SetLimits, context: CommandContext) -> Done:
        """Raises InvalidInput ``invalid_scope`` and what RiskLimits.set_limits raises."""

        def decide(scope: RiskLimits) -> None:
            scope.set_limits(request.change_id, request.limits, request.reason, self._clock.now())

        return await self._change(request.scope, decide, context)

    async def halt(self, request: ChangeTrading, context: CommandContext) -> Done:
        """Raises InvalidInput ``invalid_scope``."""

        def decide(scope: RiskLimits) -> None:
            scope.halt(request.change_id, request.reason, self._clock.now())

        return await self._change(request.scope, decide, context)

    async def confirm_halt(self, scope: str, context: CommandContext) -> Done:
        """Record that no intent to send follows; nothing if no halt waits for that.

        Asked by the execution worker that leads, once what it had begun is in the log. Raises
        InvalidInput ``invalid_scope``.
        """

        def decide(limits: RiskLimits) -> None:
            limits.confirm_halt(self._clock.now())

        return await self._change(scope, decide, context)

    async def reduce(self, request: ChangeTrading, context: CommandContext) -> Done:
        """Raises InvalidInput ``invalid_scope``, Conflict ``trading_halted``."""

        def decide(scope: RiskLimits) -> None:
            scope.reduce(request.change_id, request.reason, self._clock.now())

        return await self._change(request.scope, decide, context)

    async def resume(self, request: ChangeTrading, context: CommandContext) -> Done:
        """Raises InvalidInput ``invalid_scope``, Conflict ``not_halted``."""

        def decide(scope: RiskLimits) -> None:
            scope.resume(request.change_id, request.reason, self._clock.now())

        return await self._change(request.scope, decide, context)

    async def _change(
        self, scope: str, decide: Callable[[RiskLimits], None], context: CommandContext
    ) -> Done:
        require_scope(scope)

        decided: list[Event] = []

        def decide_and_keep(limits: RiskLimits) -> None:
            decide(limits)
            decided[:] = limits.pending

        done = await change(self._repository, RiskLimits, scope, decide_and_keep, context)
        self._book.note(decided)
        return done


def require_scope(scope: str) -> None:
    """Raises InvalidInput ``invalid_scope`` unless it is ``system`` or KIND:ID."""
    if not _SCOPE.fullmatch(scope):
        raise InvalidInput(
            "invalid_scope", "scope is system, client:ID, account:ID or strategy:ID", "scope"
        )
