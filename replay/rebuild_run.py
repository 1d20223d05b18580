"""The run of a rebuild: takes one schema through the log, up to its cut."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from itertools import pairwise
from typing import TYPE_CHECKING

import asyncpg

from domain.clock import Clock
from domain.event import decode
from domain.log import EventLog, RecordedEvent
from replay.pace import Pace
from replay.rebuild_listener import RebuildListener
from replay.rebuild_models import Happened, PageFailed, ReadModels
from replay.schemas import Progress, RebuiltSchema, Schemas

if TYPE_CHECKING:
    from replay.connection import Pool
    from replay.rebuild_models import Write

PAGE = 2_000
"""Events folded and committed together; two such pages are in memory at a time."""

EVENTS_AT_A_TIME = 100
"""Between so many events the page before gets its turn to be written."""


_NOT_FLUSHED = "set local synchronous_commit = off"
"""A crash may take the last pages and the checkpoint with them: they are folded again. What makes
the schema usable is flushed, and all before it."""


class RebuildFailed(Exception):
    """The schema stays unfinished; the same command goes on with it once the cause is gone."""


class RebuildRun:
    """Rows and checkpoint move in one transaction, which begins with a compare and swap of the
    checkpoint under the run's epoch: each event counts once, however often it is stopped."""

    def __init__(
        self,
        *,
        pool: "Pool",
        log: EventLog,
        clock: Clock,
        schemas: Schemas,
        models: ReadModels,
        schema: RebuiltSchema,
        epoch: int,
        listener: RebuildListener,
        page_size: int = PAGE,
    ) -> None:
        self.progress = schema.progress
        self._pool = pool
        self._log = log
        self._clock = clock
        self._schemas = schemas
        self._models = models
        self._schema = schema
        self._epoch = epoch
        self._listener = listener
        self._page_size = page_size
        self._pace = Pace(log, clock)

    async def fill(self) -> None:
        """Raises RebuildFailed, UnknownEventType, UndecodableEvent, Superseded, and what the log
        and the database raise."""
        try:
            await self._rush()
        except PageFailed:
            await self._step()
        if self.progress.checkpoint != self._schema.position:
            raise RebuildFailed(
                f"the log ended at position {self.progress.checkpoint}, before the cut at "
                f"{self._schema.position}: it is not the log it was"
            )

    async def _rush(self) -> None:
        """Fold each page while the one before it is committed."""
        committing = asyncio.ensure_future(_nothing())
        folded = self.progress
        try:
            async with aclosing(self._pages()) as pages:
                async for page in pages:
                    if self._models.is_full:
                        await committing
                        self._models.forget()
                    write = await self._models.fold(await self._decoded(page))
                    await committing
                    before, folded = folded, _after(folded, page)
                    committing = asyncio.ensure_future(self._commit(before, folded, write))
                    await self._pace.rest()
                await committing
        except PageFailed:
            # What came before is whole; cut off now, nobody would know whether it was committed.
            await committing
            raise
        finally:
            committing.cancel()
            await asyncio.gather(committing, return_exceptions=True)

    async def _step(self) -> None:
        """One page after another, from where the commits have come to."""
        self._models.forget()
        async with aclosing(self._pages()) as pages:
            async for page in pages:
                await self._take(page)

    async def _take(self, page: Sequence[RecordedEvent]) -> None:
        """A page that fails is halved until the one event that fails stands alone."""
        try:
            if self._models.is_full:
                self._models.forget()
            write = await self._models.fold(await self._decoded(page))
            await self._commit(self.progress, _after(self.progress, page), write)
        except PageFailed as error:
            self._models.forget()
            if len(page) == 1:
                raise _poisoned(page[0], error) from error.__cause__
            middle = len(page) // 2
            await self._take(page[:middle])
            await self._take(page[middle:])

    async def _commit(self, before: Progress, after: Progress, write: "Write") -> None:
        name, epoch = self._schema.name, self._epoch
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.execute(_NOT_FLUSHED)
                await self._schemas.advance(connection, name, epoch, before.checkpoint, after)
                await write(connection)
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
            raise PageFailed(str(error)) from error
        self.progress = after
        self._listener.moved(after)

    async def _decoded(self, page: Sequence[RecordedEvent]) -> list[Happened]:
        """All of them, also those of no read model: what is not understood may matter."""
        happened: list[Happened] = []
        for start in range(0, len(page), EVENTS_AT_A_TIME):
            await self._clock.sleep(0)
            some = page[start : start + EVENTS_AT_A_TIME]
            happened += [Happened(recorded, decode(recorded)) for recorded in some]
        return happened

    def _pages(self) -> AsyncGenerator[Sequence[RecordedEvent]]:
        return self._log.read_all(
            after=self.progress.checkpoint,
            until=self._schema.position,
            page_size=self._page_size,
        )


def _after(progress: Progress, page: Sequence[RecordedEvent]) -> Progress:
    times = [event.recorded_at for event in page]
    if progress.last_time is not None:
        times.insert(0, progress.last_time)
    gone_back = sum(later < earlier for earlier, later in pairwise(times))
    return Progress(
        checkpoint=page[-1].position,
        events=progress.events + len(page),
        last_time=times[-1],
        times_gone_back=progress.times_gone_back + gone_back,
    )


def _poisoned(event: RecordedEvent, error: PageFailed) -> RebuildFailed:
    return RebuildFailed(f"{event.type} at position {event.position} cannot be folded: {error}")


async def _nothing() -> None:
    """What is being committed before the first page."""
