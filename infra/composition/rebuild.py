"""Rebuilding one read model beside the running core."""

from infra.composition.machinery import machinery
from infra.composition.projector import projection_runner
from infra.settings import Settings
from projections.failures import LeaseHeld, Poisoned
from projections.rebuild import Rebuilt

__all__ = ["LeaseHeld", "Poisoned", "Rebuilt", "rebuild_projection"]


async def rebuild_projection(settings: Settings, name: str) -> Rebuilt:
    """Raises what ProjectionRunner.rebuild raises."""
    async with machinery(settings) as machine:
        return await projection_runner(machine).rebuild(name)
