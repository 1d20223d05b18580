"""The policy process: what follows from events at once, and what follows when its time has come."""

import asyncio

from domain.clock import Clock
from domain.policies.expiry import ExpiryPolicy
from domain.policies.oco import OcoPolicy
from domain.policies.orphans import Abandonment, OrphanPolicy
from domain.policies.policy_worker import PolicyWorker
from domain.policies.removal import Removal
from domain.policies.timed_worker import TimedPolicy, TimedWorker
from domain.venue import Capabilities
from infra.composition.core import Core
from tests.domain.checkpoints import MemoryCheckpoints


async def run_policies(
    core: Core, checkpoints: MemoryCheckpoints, clock: Clock, capabilities: Capabilities
) -> None:
    """Until cancelled. Raises an ExceptionGroup of what the workers raise."""
    async with asyncio.TaskGroup() as group:
        worker = PolicyWorker(core.log, core.settlement, checkpoints, clock)
        group.create_task(worker.run())
        for policy in _timed_policies(core, clock, capabilities):
            group.create_task(TimedWorker(policy, core.log, checkpoints, clock).run())


def _timed_policies(
    core: Core, clock: Clock, capabilities: Capabilities
) -> tuple[TimedPolicy, ...]:
    removal = Removal(core.repository, core.orders)
    abandonment = Abandonment(core.repository, clock)
    return (
        ExpiryPolicy(removal, clock, capabilities),
        OcoPolicy(removal, abandonment, core.settlement, clock, capabilities),
        OrphanPolicy(abandonment, core.settlement),
    )
