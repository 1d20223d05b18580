"""Recovery: leadership, workers' places and read models, made anew from the log alone.

Nothing is sent to anybody. What a worker has done is in the log, so that one whose checkpoint is
lost goes through the log again and finds everything done.
"""

import asyncio
from collections.abc import Sequence
from functools import partial

from domain.log import START, EventLog
from replay.recover.cache import Cache
from replay.recover.failures import Damaged, LogIsEmpty
from replay.recover.leader_epochs import newest_epoch
from replay.recover.read_models import Built, ReadModels
from replay.recover.report import Report
from replay.recover.steps import Steps
from replay.recover.worker_places import WorkerPlaces
from replay.snapshots.store import SnapshotStore


class Recovery:
    """Runs once; another one does the same again, and leaves the same."""

    def __init__(
        self,
        *,
        read_models: ReadModels,
        workers: WorkerPlaces,
        snapshots: Sequence[SnapshotStore],
        cache: Cache,
        steps: Steps,
    ) -> None:
        self._read_models = read_models
        self._workers = workers
        self._snapshots = snapshots
        self._cache = cache
        self._steps = steps

    async def run(self, log: EventLog) -> Report:
        """All of it. While it runs nothing else may write what it makes: whoever starts it sees
        to that.

        What a leader stands on comes first: it is quick, and without it a core must not run.
        Raises LogIsEmpty before anything is changed, and RecoveryFailed.
        """
        take, models = self._steps.take, self._read_models
        head, epoch = await take("log", partial(_read, log), _told_of_log)
        await take("leadership", partial(self._restore_epoch, epoch), _told_of_epoch)
        await take("workers", partial(self._restore_places, head), str)
        await take("builds", models.forget, _told_of_builds)
        for name in models.names:
            await take(name, partial(models.build, name), _told_of_build)
        await take("leftovers", models.drop_leftovers, _told_of_leftovers)
        await take("snapshots", self._drop_snapshots, str)
        await take("redis", self._cache.count, _told_of_cache)
        return self._steps.report(head)

    async def run_beside(self) -> Report:
        """Redis alone, beside a core that runs. Raises Damaged and RecoveryFailed."""
        await self._steps.take("read models", self._require_undamaged, _told_of_nothing_missing)
        await self._steps.take("redis", self._cache.count, _told_of_cache)
        return self._steps.report(None)

    async def _restore_epoch(self, epoch: int) -> int:
        """An epoch that is given away twice would let two leaders' intents pass for one's."""
        await self._workers.install()
        return await self._workers.raise_epoch(epoch)

    async def _restore_places(self, head: int) -> str:
        """A checkpoint beyond the log's end is of a log that was longer: events that come there
        now would never be handled."""
        checkpoints = await self._workers.checkpoints()
        beyond = sorted(worker for worker, position in checkpoints.items() if position > head)
        for worker in beyond:
            await self._workers.forget(worker)
        if beyond:
            return f"beyond the end of the log, forgotten: {', '.join(beyond)}"
        if not checkpoints:
            return "no checkpoints: they go through the whole log again at the next start"
        return f"{len(checkpoints)} checkpoints, the first of them at {min(checkpoints.values())}"

    async def _drop_snapshots(self) -> str:
        """They are of builds that do not count any more, and may be of another log. One that stays
        is found out when it is to be used."""
        try:
            dropped = [await asyncio.to_thread(store.drop_all) for store in self._snapshots]
        except OSError as error:
            return f"not all could be dropped: {error}"
        return f"{sum(dropped)} dropped" if sum(dropped) else "none"

    async def _require_undamaged(self) -> None:
        damage = [*await self._read_models.damage(), *await self._workers.damage()]
        if damage:
            raise Damaged(damage)


async def _read(log: EventLog) -> tuple[int, int]:
    """The head, and the newest leader's epoch."""
    head = await log.head()
    if head == START:
        raise LogIsEmpty
    return head, await newest_epoch(log, head)


def _told_of_log(answer: tuple[int, int]) -> str:
    head, epoch = answer
    return f"up to position {head}; the last leader's epoch is {epoch}"


def _told_of_epoch(epoch: int) -> str:
    return f"the next leader's epoch is above {epoch}"


def _told_of_builds(_: None) -> str:
    return "what was built before does not count"


def _told_of_build(built: Built) -> str:
    return f"{built.rows} rows of {built.events} events, up to position {built.position}"


def _told_of_leftovers(names: Sequence[str]) -> str:
    return f"dropped: {', '.join(names)}" if names else "none"


def _told_of_nothing_missing(_: None) -> str:
    return "nothing is missing, none has stopped"


def _told_of_cache(keys: int) -> str:
    return f"answers, with {keys} keys; it holds the only copy of nothing"
