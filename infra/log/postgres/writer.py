"""The one writer of a process: it orders the appends of all callers and commits them in groups.

While one group is being flushed the next one gathers, so a hundred callers cost hardly more flushes
than one. Writers of several processes take turns under a lock in the database.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence

from domain.log import LogError, LogFailed, NewEvent
from infra.failpoints import failpoints
from infra.log.postgres.batch import Batch, PendingAppend, Placement
from infra.log.postgres.failures import DATABASE_ERRORS, as_log_error, is_bad_data, is_transient
from infra.log.postgres.session import AppendSession

MAX_WAITING = 10_000
"""Appends beyond these wait outside the queue."""


class OrderedWriter:
    """Call ``start`` once, ``append`` from any number of tasks, ``close`` at the end.

    Fails closed: after an error that does not pass by itself every append raises LogFailed.
    """

    def __init__(self, session: AppendSession) -> None:
        self._session = session
        self._waiting: deque[PendingAppend] = deque()
        self._one_by_one = 0
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._refusal: str | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def refusal(self) -> str | None:
        """Why every append is refused, None while they are taken."""
        return self._refusal

    async def start(self) -> None:
        """Raises errors of the database if it cannot be reached."""
        await self._session.open()
        self._task = asyncio.create_task(self._run(), name="log writer")

    async def append(
        self, stream: str, events: Sequence[NewEvent], expected: int, size: int
    ) -> Placement:
        """Raises LogUnavailable and LogFailed. A cancelled caller may find its append stored."""
        while len(self._waiting) >= MAX_WAITING:
            self._room.clear()
            await self._room.wait()
        if self._refusal is not None:
            raise LogFailed(self._refusal)
        pending = PendingAppend(stream, events, expected, size)
        self._waiting.append(pending)
        self._arrived.set()
        return await pending.placement

    async def close(self) -> None:
        """Returns when the appends under way are answered and the connection is closed."""
        self._refuse("the log is closed")
        self._arrived.set()
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        try:
            while await self._has_work():
                await self._commit(self._next_batch())
        finally:
            self._fail_closed("the log's writer has stopped")
            await self._session.close()

    async def _has_work(self) -> bool:
        while not self._waiting:
            if self._refusal is not None:
                return False
            self._arrived.clear()
            await self._arrived.wait()
        return True

    def _next_batch(self) -> Batch:
        batch = Batch()
        while self._waiting and not (self._one_by_one and batch.appends):
            append = self._waiting[0]
            if not append.placement.done() and not batch.take(append):
                break
            self._waiting.popleft()
        self._one_by_one = max(0, self._one_by_one - 1)
        self._room.set()
        return batch

    async def _commit(self, batch: Batch) -> None:
        """Answers every append of the batch, or puts it back to be tried again."""
        if not batch.appends:
            return
        try:
            if await self._connected(batch):
                self._put_back(await self._store(batch))
        except DATABASE_ERRORS as error:
            self._after_failure(batch, error)
        except BaseException:
            fail(batch.everyone(), LogFailed("the log's writer has stopped"))
            raise

    async def _store(self, batch: Batch) -> list[PendingAppend]:
        """Returns the appends that could not be answered yet: fewer than came, or those whose
        streams another process has moved meanwhile."""
        failpoints.reach("log/before")
        head = await self._session.append(batch.columns())
        failpoints.reach("log/committed")
        if head is not None:
            return batch.stored(head)
        return batch.refused(await self._session.versions(batch.streams))

    async def _connected(self, batch: Batch) -> bool:
        """Without a connection to be had, those who wait may as well know."""
        try:
            await self._session.open()
        except DATABASE_ERRORS as error:
            self._put_back(batch.everyone())
            self._give_up(self._take_waiting(), error)
            return False
        return True

    def _after_failure(self, batch: Batch, error: Exception) -> None:
        appends = batch.everyone()
        if not is_bad_data(error):
            self._give_up(appends, error)
        elif len(appends) == 1:
            fail(appends, LogFailed(f"the append cannot be stored: {error}"), error)
        else:  # nothing was stored: find the one at fault and spare the others
            self._put_back(appends)
            self._one_by_one = len(appends)

    def _give_up(self, appends: Iterable[PendingAppend], error: Exception) -> None:
        self._session.drop()
        fail(appends, as_log_error(error), error)
        if not is_transient(error):
            self._fail_closed(f"the log takes no more appends after {error!r}")

    def _fail_closed(self, reason: str) -> None:
        self._refuse(reason)
        fail(self._take_waiting(), LogFailed(reason))

    def _refuse(self, reason: str) -> None:
        self._refusal = self._refusal or reason

    def _put_back(self, appends: Sequence[PendingAppend]) -> None:
        self._waiting.extendleft(reversed(appends))

    def _take_waiting(self) -> list[PendingAppend]:
        waiting = list(self._waiting)
        self._waiting.clear()
        self._room.set()
        return waiting


def fail(appends: Iterable[PendingAppend], error: LogError, cause: Exception | None = None) -> None:
    """Each caller gets an error of its own: a shared one would gather all their tracebacks."""
    for append in appends:
        own = type(error)(*error.args)
        own.__cause__ = cause
        append.fail(own)
