"""What a service manager does: start again what has ended by an error it may end by."""

from collections.abc import Awaitable, Callable

from domain.clock import Clock
from domain.errors import Refused
from domain.execution.lease import LeaseLost
from domain.log import LogUnavailable
from domain.venue import VenueUnavailable
from tests.simulation.projector_process import StoreUnavailable

EXPECTED = (LeaseLost, LogUnavailable, VenueUnavailable, StoreUnavailable, Refused)
"""What a process may end by. Anything else is a mistake in it."""

PAUSE = 0.5
"""Seconds between two starts."""


async def supervised(
    run: Callable[[], Awaitable[None]],
    clock: Clock,
    note: Callable[[BaseExceptionGroup[BaseException]], None],
) -> None:
    """Run it again and again until cancelled. Raises what it may not end by."""
    while True:
        try:
            await run()
        except* EXPECTED as errors:
            note(errors)
        await clock.sleep(PAUSE)
