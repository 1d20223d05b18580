"""Holding a lease while work is done under it."""

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, TypeVar

import structlog

from domain.clock import Clock
from projections.builds import Builds, Lease
from projections.failures import is_transient

if TYPE_CHECKING:
    from projections.connection import Pool

Result = TypeVar("Result")

BEATS = 3
"""Renewals in the life of a lease."""

_log = structlog.get_logger(__name__)


class LeaseHolder:
    """Renews leases beside the work, and gives them back after it."""

    def __init__(self, pool: "Pool", clock: Clock, builds: Builds) -> None:
        self._pool = pool
        self._clock = clock
        self._builds = builds

    async def during(self, lease: Lease, work: Coroutine[None, None, Result]) -> Result:
        """The work's result. A lease that is lost cancels the work and raises Fenced."""
        done = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._beat(lease, done))
                result = await work
                done.set()
        except BaseExceptionGroup as errors:
            failure = errors.exceptions[0]
        else:
            return result
        raise failure

    async def release(self, lease: Lease) -> None:
        """A lease that cannot be given back runs out by itself."""
        try:
            async with self._pool.acquire() as connection:
                await self._builds.release(connection, lease)
        except Exception as error:
            if not is_transient(error):
                raise
            _log.warning("lease_not_released", build=lease.build, error=repr(error))

    async def _beat(self, lease: Lease, done: asyncio.Event) -> None:
        """Ends by itself between two renewals: none is cut off on its way to the database."""
        while not await self._is_done_within(self._builds.lease_seconds / BEATS, done):
            async with self._pool.acquire() as connection:
                await self._builds.renew(connection, lease)

    async def _is_done_within(self, seconds: float, done: asyncio.Event) -> bool:
        waits = [
            asyncio.ensure_future(self._clock.sleep(seconds)),
            asyncio.ensure_future(done.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        return done.is_set()
