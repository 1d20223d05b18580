"""A projector over a log in memory, snapshots of what it makes, and moments made of them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from domain.log import START
from infra.composition.replay_moments import MomentMaker
from infra.composition.replay_snapshot_taker import SnapshotTaker
from infra.composition.replay_snapshots import SNAPSHOTTED
from projections.projection import Projection
from projections.worker import Worker
from replay.snapshots.contents import Contents
from replay.snapshots.metrics import SnapshotMetrics
from replay.snapshots.policy import Policy
from replay.snapshots.store import SnapshotStore
from tests.projections.desk import Desk, open_desk
from tests.projections.history import History

Tables = Mapping[str, Sequence[str]]
"""Rows as PostgreSQL writes them, in order."""

ROWS = 'select t::text as row from {}.{} as t order by t::text collate "C"'

POLICY = Policy(events=1, time=timedelta(minutes=1), megabytes=100)


class Keeping:
    """``project`` brings the read models to the log's head; ``keep`` takes a snapshot of each."""

    def __init__(self, desk: Desk, workers: Mapping[Projection, Worker], directory: Path) -> None:
        self.desk = desk
        self.directory = directory
        self.registry = CollectorRegistry()
        self.store = SnapshotStore(directory, SnapshotMetrics(self.registry))
        self._workers = workers

    def taker(self, policy: Policy = POLICY) -> SnapshotTaker:
        return SnapshotTaker(
            pool=self.desk.pool,
            log=self.desk.log,
            clock=self.desk.clock,
            store=self.store,
            policy=policy,
            metrics=SnapshotMetrics(CollectorRegistry()),
        )

    async def happen(self, history: History, events: int) -> int:
        """The head that the read models have come to."""
        await self.desk.append(history, events)
        for worker in self._workers.values():
            await worker.catch_up()
        return await self.desk.log.head()

    async def keep(self, policy: Policy = POLICY) -> Mapping[Projection, Contents | None]:
        taker = self.taker(policy)
        return {projection: await taker.take(projection) for projection in self._workers}

    async def now(self, projection: Projection) -> Tables:
        """What the read model has, every column."""
        build = await self.build(projection)
        rows = self.desk.connection.fetch
        return {
            table.name: [text for (text,) in await rows(ROWS.format(build, table.name))]
            for table in projection.tables
        }

    async def then(self, projection: Projection, position: int) -> Tables:
        """The same, as a moment tells it."""
        maker = MomentMaker(self.desk.dsn, self.desk.log, self.desk.clock, self.store)
        moment = await maker.make(projection.name, position)
        try:
            return {
                table.name: [
                    row["row"] for row in await moment.rows(ROWS.format("read", table.name), ())
                ]
                for table in projection.tables
            }
        finally:
            await moment.close()

    async def build(self, projection: Projection) -> str:
        """The schema of the active one."""
        build = await self.desk.builds.active(self.desk.connection, projection.name)
        assert build is not None
        return build.build

    async def rebuild(self, projection: Projection) -> None:
        """As ``patriot projections rebuild``; what happens later is projected to the new one."""
        await self.desk.rebuilder().rebuild(projection)
        lease = await self.desk.lease(projection)
        self._workers = {**self._workers, projection: self.desk.worker(lease, projection)}

    def files(self, projection: Projection) -> Sequence[Path]:
        """Of its snapshots, the oldest first."""
        return sorted(self.directory.glob(f"{projection.name}.v*/*.snapshot"))

    def set_aside(self, projection: Projection) -> float:
        value = self.registry.get_sample_value(
            "patriot_snapshots_set_aside_total", {"model": projection.name}
        )
        return value or 0.0

    def reads(self) -> "Reads":
        return Reads(self.desk)


class Reads:
    """From where the log is read in the block: what was not in a snapshot."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.after: list[int] = []

    def __enter__(self) -> "Reads":
        read_all = self._desk.log.read_all

        def watched(*, after: int = START, **bounds: Any) -> Any:
            self.after.append(after)
            return read_all(after=after, **bounds)

        self._desk.log.read_all = watched  # type: ignore[method-assign]  # until the block ends
        return self

    def __exit__(self, *_: object) -> None:
        del self._desk.log.read_all  # the class has its own


@asynccontextmanager
async def open_keeping(dsn: str, directory: Path) -> AsyncIterator[Keeping]:
    async with open_desk(dsn) as desk:
        await desk.connection.execute("set timezone = 'UTC'")
        await desk.runner().install()
        workers = {each: desk.worker(await desk.lease(each), each) for each in SNAPSHOTTED}
        yield Keeping(desk, workers, directory)
