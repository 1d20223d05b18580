"""Running a command's asynchronous work: until done, told to stop, or failed."""

import asyncio
import signal
from collections.abc import Coroutine

import structlog
import typer
import uvloop

from infra.cli.failure import explain
from infra.cli.output import fail
from infra.collector import calm_collector
from infra.settings import SettingsError

_logger = structlog.get_logger(__name__)


def run_until_stopped(work: Coroutine[object, object, None]) -> None:
    """Run the work; SIGINT and SIGTERM cancel it and are a regular end.

    What fails is told in one line, with exit code 1; the log has the details. Raises
    SettingsError.
    """
    calm_collector()
    try:
        uvloop.run(_until_stopped(work))
    except Exception as error:
        failure = explain(error)
        if isinstance(failure.error, SettingsError):
            raise failure.error from error
        if failure.was_foreseen:
            _logger.info("ended", reason=failure.message, error=repr(error))
        else:
            _logger.error("ended", reason=failure.message, exc_info=error)
        fail(failure.message, failure.hint)
        raise typer.Exit(1) from error


async def _until_stopped(work: Coroutine[object, object, None]) -> None:
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
