"""Workers' places in a recovery, in Postgres."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from infra.composition.replay_recover_sql import SQL, UNUSABLE, part_failed
from infra.workers.checkpoints import PostgresCheckpoints
from replay.recover.worker_places import WorkerPlaces

if TYPE_CHECKING:
    from asyncpg import Pool, Record

ROLE = "execution"
"""The role whose leaders' epochs are in the log."""


class PostgresWorkerPlaces:
    """Implements replay.recover.worker_places.WorkerPlaces."""

    def __init__(self, pool: "Pool[Record]") -> None:
        self._pool = pool

    async def damage(self) -> Sequence[str]:
        with part_failed():
            try:
                await self._look()
            except UNUSABLE as error:
                return [f"workers: {error}"]
        return []

    async def install(self) -> None:
        with part_failed():
            try:
                await self._look()
            except UNUSABLE:
                await self._pool.execute(SQL["forget_workers"])
            await PostgresCheckpoints.open(self._pool)

    async def checkpoints(self) -> Mapping[str, int]:
        with part_failed():
            records = await self._pool.fetch(SQL["checkpoints"])
        return {record["worker"]: record["position"] for record in records}

    async def forget(self, worker: str) -> None:
        with part_failed():
            await self._pool.execute(SQL["forget_worker"], worker)

    async def raise_epoch(self, epoch: int) -> int:
        with part_failed():
            newest: int = await self._pool.fetchval(SQL["raise_epoch"], ROLE, epoch)
        return newest

    async def _look(self) -> None:
        """Raises what is in UNUSABLE."""
        await self._pool.execute(SQL["checkpoints"])
        await self._pool.execute(SQL["leaders"])


def _conforms(places: PostgresWorkerPlaces) -> WorkerPlaces:
    return places
