"""All policies, as they run: what follows from events, and from time."""

import asyncio
from collections.abc import Callable

from domain.checkpoint import Checkpoints
from domain.clock import Clock
from domain.instrument import Instruments
from domain.log import EventLog
from domain.log_worker import Surroundings, no_surroundings
from domain.market_data import Quote
from domain.policies.amendments import AmendmentPolicy
from domain.policies.expiry import ExpiryPolicy
from domain.policies.oco import OcoPolicy
from domain.policies.orphans import Abandonment, OrphanPolicy
from domain.policies.policy_worker import PolicyWorker
from domain.policies.removal import Removal
from domain.policies.timed_worker import TimedPolicy, TimedWorker
from domain.policies.trailing_stop import TrailingStopPolicy
from domain.repository import Repository
from domain.use_cases.order_desk import OrderDesk
from domain.use_cases.settlement_desk import SettlementDesk
from domain.venue import Capabilities


class Policies:
    """One worker for each policy, each with a position of its own in the log.

    ``quote`` gives the newest quote of a symbol. Policies run in one process at a time; two would
    do what one does, at more cost.
    """

    def __init__(
        self,
        *,
        log: EventLog,
        repository: Repository,
        settlement: SettlementDesk,
        orders: OrderDesk,
        checkpoints: Checkpoints,
        clock: Clock,
        capabilities: Capabilities,
        instruments: Instruments,
        quote: Callable[[str], Quote | None],
        within: Surroundings = no_surroundings,
    ) -> None:
        removal = Removal(repository, orders)
        abandonment = Abandonment(repository, clock)
        timed: list[TimedPolicy] = [
            OrphanPolicy(abandonment, settlement, clock),
            OcoPolicy(removal, abandonment, settlement, clock, capabilities),
            ExpiryPolicy(removal, clock, capabilities),
            AmendmentPolicy(repository, settlement, clock),
        ]
        if not capabilities.trailing_stops:
            timed.append(TrailingStopPolicy(repository, instruments, quote, clock))
        self.settling = PolicyWorker(log, settlement, checkpoints, clock, within)
        self.timed = [TimedWorker(policy, log, checkpoints, clock) for policy in timed]

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.settling.run())
            for worker in self.timed:
                group.create_task(worker.run())

    async def caught_up(self) -> None:
        """Wait until every policy has heard all that was in the log when it started."""
        await self.settling.worker.caught_up.wait()
        for worker in self.timed:
            await worker.caught_up.wait()
