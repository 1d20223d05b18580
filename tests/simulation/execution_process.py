"""The execution process, wired as the real role: wait for the lease, lead until it is lost."""

import asyncio
from collections.abc import Callable

from domain.clock import Clock
from domain.execution.execution_worker import ExecutionWorker
from domain.execution.leased_log import LeasedLog
from domain.instrument import Instruments
from domain.log import EventLog
from domain.repository import Repository
from domain.risk.risk_book import RiskBook
from domain.venue import Venue
from tests.domain.checkpoints import MemoryCheckpoints
from tests.simulation.lease import HeldLease

CODE_VERSION = "simulated"


async def run_execution(
    *,
    log: EventLog,
    clock: Clock,
    lease: HeldLease,
    connect: Callable[[HeldLease], Venue],
    instruments: Instruments,
    checkpoints: MemoryCheckpoints,
) -> None:
    """Until cancelled. Raises an ExceptionGroup of LeaseLost, or of what the worker raises."""
    await lease.take()
    risk_book = RiskBook()
    worker = ExecutionWorker(
        log=log,
        repository=Repository(LeasedLog(log, lease), CODE_VERSION),
        risk_book=risk_book,
        venue=connect(lease),
        instruments=instruments,
        checkpoints=checkpoints,
        clock=clock,
        lease=lease,
        recovered=asyncio.Event(),
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(lease.keep())
        group.create_task(risk_book.follow(log))
        group.create_task(worker.run())
