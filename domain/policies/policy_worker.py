"""Runs the policies: what an order's events mean for its account."""

import msgspec

from domain.checkpoint import Checkpoints
from domain.clock import Clock
from domain.command import Actor, ActorType, CommandContext, Metadata, command_id_for
from domain.event import decode
from domain.log import EventFilter, EventLog, RecordedEvent
from domain.log_worker import LogWorker, Surroundings, no_surroundings
from domain.order.order import Order
from domain.patience import insist
from domain.policies.commands import AccountCommand
from domain.policies.registry import commands_for
from domain.use_cases.settlement_desk import SettlementDesk

_ACTOR = Actor(ActorType.SYSTEM, "settlement", "policy")
_decode_metadata = msgspec.json.Decoder(Metadata).decode


class PolicyWorker:
    """Follows the order streams and carries out what the policies ask for.

    Where the log does not answer it goes on asking: to skip a fill is not an option.
    """

    def __init__(
        self,
        log: EventLog,
        desk: SettlementDesk,
        checkpoints: Checkpoints,
        clock: Clock,
        within: Surroundings = no_surroundings,
    ) -> None:
        self._desk = desk
        self._clock = clock
        self.worker = LogWorker(
            name="policies",
            log=log,
            checkpoints=checkpoints,
            only=EventFilter(categories=frozenset({Order.category})),
            handler=self._handle,
            within=within,
        )

    async def run(self) -> None:
        await self.worker.run()

    async def _handle(self, recorded: RecordedEvent) -> None:
        for index, command in enumerate(commands_for(decode(recorded))):
            context = CommandContext(
                command_id=command_id_for("policy", str(recorded.id), str(index)),
                correlation_id=_decode_metadata(recorded.metadata).correlation_id,
                causation_id=str(recorded.id),
                actor=_ACTOR,
            )
            await self._carry_out(command, context)

    async def _carry_out(self, command: AccountCommand, context: CommandContext) -> None:
        await insist(self._clock, lambda: self._desk.carry_out(command, context))
