"""All roles in one process: what ``patriot up`` runs."""

import asyncio

from adapters.market.hub import MarketHub
from infra.composition.api import ApiServer
from infra.composition.core import Core
from infra.composition.database import prepare_database
from infra.composition.execution import ExecutionRole, from_hub
from infra.composition.first_limits import ensure_system_limits
from infra.composition.limits import keep_limits_current
from infra.composition.machinery import Machinery
from infra.composition.projector import projection_runner, run_projector
from infra.composition.roles import run_market
from infra.log.halting import end_when_halted


class Everything:
    """The market reaches the venue and the controls inside the process, without Redis between.

    ``ready`` is set once orders are taken.
    """

    def __init__(self, machinery: Machinery) -> None:
        self.machinery = machinery
        self.hub = MarketHub(machinery.market_metrics)
        self.core: Core = machinery.core(self.hub)
        self.api = ApiServer(machinery, self.core)
        self.ready = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled."""
        machinery = self.machinery
        await prepare_database(machinery)
        projections = projection_runner(machinery)
        await projections.install()
        if machinery.settings.postgres_dsn is None:
            await projections.succeed()  # the data directory is this process's alone
        await ensure_system_limits(self.core.repository, self.core.risk)
        execution = ExecutionRole(
            machinery.settings,
            self.core,
            machinery.pool,
            machinery.servers.postgres_dsn,
            from_hub(self.hub),
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(
                keep_limits_current(self.core.risk_book, machinery.log, machinery.clock)
            )
            group.create_task(run_projector(machinery))
            group.create_task(run_market(machinery, self.hub))
            group.create_task(execution.run())
            group.create_task(self.api.run())
            group.create_task(end_when_halted(machinery.log, machinery.clock))
            await execution.recovered.wait()
            await self.api.listening.wait()
            self.ready.set()
