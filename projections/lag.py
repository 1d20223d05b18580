"""Lag: how far the read models are behind the log, measured by asking the log itself."""

from contextlib import aclosing
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import structlog

from domain.clock import Clock
from domain.log import EventLog
from projections.failures import is_transient
from projections.metrics import ProjectionMetrics
from projections.statements import statements

if TYPE_CHECKING:
    from projections.connection import Pool

COUNT_BOUND = 10_000
"""Positions need not be dense, so what is behind is counted; never further than this."""

INTERVAL_SECONDS = 2.0

_SQL = statements("lag.sql")
_log = structlog.get_logger(__name__)


class Lag(NamedTuple):
    """``events`` is a lower bound where ``is_exact`` is false. ``seconds`` is the age of the oldest
    event that was not seen, zero if there is none."""

    head: int
    events: int
    is_exact: bool
    seconds: float


async def measure(log: EventLog, checkpoint: int, now: datetime, bound: int = COUNT_BOUND) -> Lag:
    """Count what the log has after a checkpoint."""
    head = await log.head()
    if head <= checkpoint:
        return Lag(head, 0, is_exact=True, seconds=0.0)
    count, oldest = 0, now
    pages = log.read_all(after=checkpoint, until=head)
    async with aclosing(pages):
        async for page in pages:
            oldest = page[0].recorded_at if count == 0 else oldest
            count += len(page)
            if count >= bound:
                break
    seconds = max((now - oldest).total_seconds(), 0.0)
    return Lag(head, min(count, bound), is_exact=count < bound, seconds=seconds)


class LagMonitor:
    """Measures the active builds over and over, whether their workers live or not."""

    def __init__(
        self, pool: "Pool", log: EventLog, clock: Clock, metrics: ProjectionMetrics
    ) -> None:
        self._pool = pool
        self._log = log
        self._clock = clock
        self._metrics = metrics

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.measure_all()
            except Exception as error:
                if not is_transient(error):
                    raise
                _log.warning("lag_not_measured", error=repr(error))
            await self._clock.sleep(INTERVAL_SECONDS)

    async def measure_all(self) -> dict[str, Lag]:
        """Measure, record and export the lag of every active build, by projection."""
        async with self._pool.acquire() as connection:
            builds = await connection.fetch(_SQL["checkpoints"])
        lags: dict[str, Lag] = {}
        for name, build, checkpoint in builds:
            lag = await measure(self._log, checkpoint, self._clock.now())
            await self._record(build, lag)
            self._metrics.lag_events.labels(name).set(lag.events)
            self._metrics.lag_seconds.labels(name).set(lag.seconds)
            lags[name] = lag
        return lags

    async def _record(self, build: str, lag: Lag) -> None:
        async with self._pool.acquire() as connection:
            await connection.execute(_SQL["record"], build, *lag, self._clock.now())
