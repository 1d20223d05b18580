"""Candles: not a fold of the log, but time series in TimescaleDB or in monthly partitions."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from domain.market_data import Candle
from projections.change_feed import ChangeFeed
from projections.statements import statements

if TYPE_CHECKING:
    from projections.connection import Connection, Pool

_SQL = statements("candles.sql")
_MAX_KNOWN_MONTHS = 1_000

CandleKey = tuple[str, str, datetime]


class CandleWriter:
    """Upserts batches of candles, and publishes what changed."""

    def __init__(self, pool: "Pool", change_feed: ChangeFeed | None) -> None:
        self._pool = pool
        self._feed = change_feed
        self._is_partitioned = False
        self._months: set[datetime] = set()

    async def install(self) -> None:
        """Create table and view; a hypertable where TimescaleDB can be had. Safe to repeat."""
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(_SQL["lock"])
            if not await connection.fetchval(_SQL["exists"]):
                await _create(connection)
            self._is_partitioned = await connection.fetchval(_SQL["is_partitioned"])

    async def write(self, candles: Sequence[Candle]) -> None:
        """The newest state of each candle wins; within a batch that is the last one given."""
        newest = _newest(candles)
        if not newest:
            return
        async with self._pool.acquire() as connection:
            await self._add_months(connection, newest)
            changed = await connection.fetch(_SQL["upsert"], _as_json(list(newest.values())))
        if changed and self._feed is not None:
            rows = [_row(newest[symbol, interval, at]) for symbol, interval, at in changed]
            await self._feed.publish("candles", rows, None)

    async def _add_months(self, connection: "Connection", candles: dict[CandleKey, Candle]) -> None:
        if not self._is_partitioned:
            return
        if len(self._months) > _MAX_KNOWN_MONTHS:
            self._months.clear()
        for month in sorted({_month_of(at) for _, _, at in candles} - self._months):
            async with connection.transaction():
                await connection.execute(_SQL["lock"])
                await connection.execute(_add_month(month))
            self._months.add(month)


async def _create(connection: "Connection") -> None:
    if await connection.fetchval(_SQL["has_timescale"]):
        await connection.execute("create extension if not exists timescaledb")
        await connection.execute(_SQL["install"].format(partitioning=""))
        await connection.execute(_SQL["make_hypertable"])
    else:
        partitioning = "partition by range (opened_at)"
        await connection.execute(_SQL["install"].format(partitioning=partitioning))


def _newest(candles: Sequence[Candle]) -> dict[CandleKey, Candle]:
    newest: dict[CandleKey, Candle] = {}
    for candle in candles:
        key = (candle.symbol, candle.interval, candle.opened_at)
        present = newest.get(key)
        if present is None or candle.closed or not present.closed:
            newest[key] = candle
    return newest


def _row(candle: Candle) -> dict[str, object]:
    return msgspec.structs.asdict(candle)


def _as_json(candles: Sequence[Candle]) -> str:
    return msgspec.json.encode([_row(candle) for candle in candles]).decode()


def _month_of(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _add_month(first: datetime) -> str:
    year, month = divmod(first.year * 12 + first.month, 12)
    return _SQL["add_month"].format(
        month=first.strftime("%Y_%m"),
        first=first.isoformat(),
        next=first.replace(year=year, month=month + 1).isoformat(),
    )
