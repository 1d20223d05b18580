"""patriot run ROLE: one role in this process, the others elsewhere."""

from typing import Annotated

import structlog
import typer

from infra.cli.options import DataDir, settings_for
from infra.cli.work import run_until_stopped
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
    run_until_stopped(_run(role, settings))


async def _run(role: Role, settings: Settings) -> None:
    async with machinery(settings) as machine:
        _logger.info("role_started", role=role)
        await run_role(role, machine)
