"""A recorded session: what the log holds, and what the read models showed while it was made."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing
from itertools import cycle, pairwise
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import asyncpg

from domain.log import CaughtUp, EventLog
from infra.settings import Settings
from tests.end_to_end.floor import Floor, floor
from tests.end_to_end.recorded_time import RecordedTime
from tests.replay.session.gate import WIDE_OPEN, Gate, GatedLog
from tests.replay.session.market import Market
from tests.replay.session.state import State, Table, layout, read_state
from tests.replay.session.trading_day import TradingDay

if TYPE_CHECKING:
    from asyncpg import Connection, Record

AHEAD = 50
"""Events by which trading may be ahead of the next position: the two go on side by side."""

TAKE_SECONDS = 20.0

QUOTE_MS = 9_000
"""Some contracts of the recording are quoted that seldom."""

_ACTIVE = "select build, checkpoint from projections.builds where state = 'active'"


class Taken(NamedTuple):
    """``head`` is how far the log was when the state at ``position`` had been read."""

    position: int
    head: int
    state: State


class RecordedSession(NamedTuple):
    dsn: str
    redis_url: str
    data_dir: Path
    exchange_info: Path | None
    taken: Sequence[Taken]
    refusals: Counter[str]


def positions_among(events: int, count: int, seed: int) -> list[int]:
    """Spread at random, the first and the last among them."""
    between = Random(seed).sample(range(2, events), count - 2)
    return [1, *sorted(between), events]


async def record(
    market: Market, dsn: str, redis_url: str, data_dir: Path, positions: Sequence[int]
) -> RecordedSession:
    """Trade until the log has the last of the positions, and take the state at each meanwhile."""
    clock, gate = RecordedTime(market.frames[0].received_at), Gate()

    def behind(log: EventLog) -> EventLog:
        return GatedLog(log, gate)

    settings = Settings(data_dir=data_dir, quote_max_age_ms=QUOTE_MS)
    async with floor(
        dsn, redis_url, market.instruments, clock, settings, projected=behind
    ) as trading:
        day = TradingDay(trading, market, clock, seed=4)
        async with Taking(trading, dsn, gate) as taking, asyncio.TaskGroup() as group:
            group.create_task(_trade(day, trading, gate, positions))
            taken = [await taking.take(position) for position in positions[:-1]]
            taken.append(await taking.take_last(positions[-1]))
        gate.open_to(WIDE_OPEN)
        await trading.until_quiet()
    return RecordedSession(dsn, redis_url, data_dir, market.exchange_info, taken, day.refusals)


async def _trade(day: TradingDay, trading: Floor, gate: Gate, positions: Sequence[int]) -> None:
    """Until the log has the last of the positions."""
    ahead = AHEAD + max(later - earlier for earlier, later in pairwise(positions))
    await day.open()
    for act in cycle(day.acts):
        head = await trading.core.log.head()
        if head >= positions[-1]:
            return
        await gate.until_beyond(head - ahead)
        await day.do(act)


class Taking:
    """Lets the live projections come to a position, and reads all that they show there."""

    def __init__(self, trading: Floor, dsn: str, gate: Gate) -> None:
        self._log = trading.core.log
        self._dsn = dsn
        self._gate = gate
        self._heard = asyncio.Event()
        self._tables: Sequence[Table] = ()

    async def __aenter__(self) -> "Taking":
        self._connection: Connection[Record] = await asyncpg.connect(self._dsn)
        await self._connection.execute("set timezone = 'UTC'; set datestyle = 'ISO, YMD'")
        await self._connection.add_listener("patriot_checkpoint", self._hear)
        builds = await self._connection.fetch(_ACTIVE)
        self._tables = await layout(self._connection, [build["build"] for build in builds])
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connection.close()

    async def take(self, position: int) -> Taken:
        """Once the log has gone on beyond it."""
        async with asyncio.timeout(TAKE_SECONDS):
            await self._until_beyond(position)
        return await self.take_last(position)

    async def take_last(self, position: int) -> Taken:
        self._gate.open_to(position)
        async with asyncio.timeout(TAKE_SECONDS):
            while (state := await self._state_at(position)) is None:
                await self._heard.wait()
        return Taken(position, await self._log.head(), state)

    async def _state_at(self, position: int) -> State | None:
        """None while some projection is not there yet; all of one moment."""
        self._heard.clear()
        async with self._connection.transaction(isolation="repeatable_read", readonly=True):
            builds = await self._connection.fetch(_ACTIVE)
            if any(build["checkpoint"] != position for build in builds):
                return None
            return await read_state(self._connection, self._tables)

    async def _until_beyond(self, position: int) -> None:
        async with aclosing(self._log.subscribe(after=position)) as news:
            async for page in news:
                if not isinstance(page, CaughtUp):
                    return

    def _hear(self, *_: object) -> None:
        self._heard.set()
