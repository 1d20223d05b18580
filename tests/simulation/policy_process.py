"""The policy process: what follows from events at once, and what follows when its time has come."""

from collections.abc import Callable

from domain.clock import Clock
from domain.market_data import Quote
from domain.policies.policies import Policies
from domain.venue import Capabilities
from infra.composition.core import Core
from tests.domain.checkpoints import MemoryCheckpoints


async def run_policies(
    core: Core,
    checkpoints: MemoryCheckpoints,
    clock: Clock,
    capabilities: Capabilities,
    quote: Callable[[str], Quote | None],
) -> None:
    """Until cancelled. Raises an ExceptionGroup of what the workers raise."""
    policies = Policies(
        log=core.log,
        repository=core.repository,
        settlement=core.settlement,
        orders=core.orders,
        checkpoints=checkpoints,
        clock=clock,
        capabilities=capabilities,
        instruments=core.instruments,
        quote=quote,
    )
    await policies.run()
