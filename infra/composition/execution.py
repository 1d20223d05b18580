"""The execution role: paper venue, execution worker and policies under one leadership."""

import asyncio
from typing import TYPE_CHECKING

import structlog

from adapters.venues.paper.postgres_journal import PostgresJournal
from adapters.venues.paper.venue import PaperVenue
from domain.errors import Refused
from domain.execution.booking import Booking
from domain.execution.execution_worker import ExecutionWorker
from domain.execution.recovery import Recovery
from domain.execution.submission import Submission
from domain.fees import FeeSchedule
from domain.policies.policy_worker import PolicyWorker
from domain.venue import Report, Venue
from infra.composition.core import Core
from infra.settings import Settings
from infra.workers.checkpoints import PostgresCheckpoints
from infra.workers.leadership import Leadership, leadership
from infra.workers.working_orders import ReadModelWorkingOrders

if TYPE_CHECKING:
    from asyncpg import Pool, Record

    from adapters.market.hub import MarketHub

_logger = structlog.get_logger(__name__)


class LoggedProblems:
    """Reports that cannot be booked are logged with what they said; nothing is guessed."""

    def note(self, report: Report, problem: Refused) -> None:
        _logger.error("report_not_booked", code=problem.code, reason=str(problem), report=report)


def execution_worker(
    core: Core, venue: Venue, pool: "Pool[Record]", checkpoints: PostgresCheckpoints, epoch: int
) -> ExecutionWorker:
    booking = Booking(core.repository, venue.name, core.clock)
    return ExecutionWorker(
        log=core.log,
        venue=venue,
        submission=Submission(core.repository, venue, core.clock, epoch),
        booking=booking,
        recovery=Recovery(
            core.repository,
            venue,
            booking,
            ReadModelWorkingOrders(pool, core.log, core.clock),
        ),
        checkpoints=checkpoints,
        problems=LoggedProblems(),
    )


async def run_execution(
    settings: Settings, core: Core, pool: "Pool[Record]", dsn: str, market: "MarketHub"
) -> None:
    """Until cancelled. Ends with an exception when leadership or a worker is lost."""
    checkpoints = await PostgresCheckpoints.open(pool)
    async with leadership(dsn, "execution", core.clock) as leading:
        journal = await PostgresJournal.open(pool, core.clock)
        fees = FeeSchedule(settings.maker_fee, settings.taker_fee)
        venue = await PaperVenue.open(journal, core.instruments, fees, core.clock)
        await _run_together(core, venue, pool, checkpoints, leading, market)


async def _run_together(
    core: Core,
    venue: PaperVenue,
    pool: "Pool[Record]",
    checkpoints: PostgresCheckpoints,
    leading: Leadership,
    market: "MarketHub",
) -> None:
    worker = execution_worker(core, venue, pool, checkpoints, leading.epoch)
    policies = PolicyWorker(core.log, core.settlement, checkpoints)
    stop_listening = market.listen(venue.on_market)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(leading.watch())
            group.create_task(venue.run())
            group.create_task(worker.run())
            group.create_task(policies.run())
    finally:
        stop_listening()
