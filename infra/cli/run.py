"""patriot run ROLE: one role in this process, the others elsewhere."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Annotated

import structlog
import typer
import uvloop

from infra.cli.options import DataDir, settings_for
from infra.composition.machinery import machinery
from infra.composition.roles import Role, run_role
from infra.settings import Settings
from infra.telemetry import configure_logging

_logger = structlog.get_logger(__name__)


def run(
    role: Annotated[Role, typer.Argument(help="Which role this process has.")],
    data_dir: DataDir = None,
) -> None:
    """Run one role until it is told to stop."""
    settings = settings_for(data_dir)
    configure_logging(settings.log_level, as_json=settings.log_json)
    uvloop.run(until_stopped(_run(role, settings)))


async def until_stopped(work: Coroutine[object, object, None]) -> None:
    """Run until done, or until SIGINT or SIGTERM; then cancel the work and wait for its end."""
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)
    stopping = False

    def stop() -> None:
        nonlocal stopping
        stopping = True
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        await task
    except asyncio.CancelledError:
        if not stopping:
            raise


async def _run(role: Role, settings: Settings) -> None:
    async with machinery(settings) as machine:
        _logger.info("role_started", role=role)
        await run_role(role, machine)
