"""Making sure of a halt: once it is confirmed, no intent to send can follow in the log."""

import asyncio

from domain.checkpoint import Checkpoints
from domain.clock import Clock
from domain.command import Actor, ActorType, CommandContext, command_id_for
from domain.event import decode
from domain.execution.trading_gate import TradingGate
from domain.log import EventFilter, EventLog, RecordedEvent
from domain.log_worker import LogWorker
from domain.patience import insist
from domain.repository import Repository
from domain.risk.events import TradingHaltRequested
from domain.risk.risk_book import RiskBook
from domain.use_cases.risk_desk import RiskDesk

_ACTOR = Actor(ActorType.SYSTEM, "execution", "execution")
_REQUESTS = EventFilter(types=frozenset({"TradingHaltRequested"}))


class Halts:
    """Confirms requested halts, beside the sending: a venue that hangs must not hold up a halt.

    ``backlog_done`` is set once every order placed before this leader began has been decided, by an
    intent or by being withheld. An earlier leader that wakes up late can only know those orders,
    and loses the race for their streams.
    """

    def __init__(
        self,
        *,
        log: EventLog,
        repository: Repository,
        risk_book: RiskBook,
        gate: TradingGate,
        checkpoints: Checkpoints,
        clock: Clock,
        backlog_done: asyncio.Event,
    ) -> None:
        self._gate = gate
        self._clock = clock
        self._desk = RiskDesk(repository, risk_book, clock)
        self._backlog_done = backlog_done
        self._worker = LogWorker(
            name="halts",
            log=log,
            checkpoints=checkpoints,
            only=_REQUESTS,
            handler=self._confirm,
        )

    async def run(self) -> None:
        """Until cancelled."""
        await self._backlog_done.wait()
        await self._worker.run()

    async def _confirm(self, recorded: RecordedEvent) -> None:
        requested = decode(recorded)
        assert isinstance(requested, TradingHaltRequested)
        await self._gate.until_heard(requested.scope, requested.originator_version)
        await self._gate.until_clear(requested.scope)
        context = CommandContext(
            command_id=command_id_for("confirm halt", str(recorded.id)),
            correlation_id=str(recorded.id),
            causation_id=str(recorded.id),
            actor=_ACTOR,
        )
        await insist(self._clock, lambda: self._desk.confirm_halt(requested.scope, context))
