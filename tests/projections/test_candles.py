"""Candles: set-based upserts over partitions, a closed candle staying closed."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.market_data import Candle
from projections.candles import CandleWriter
from projections.change_feed import Row
from tests.projections.desk import Desk, open_desk

OPENED = datetime(2026, 1, 31, 23, 58, tzinfo=UTC)


def candle(minute: int = 0, close: str = "1.5", *, closed: bool = False) -> Candle:
    return Candle(
        symbol="SUSHIUSDT",
        interval="1m",
        opened_at=OPENED + timedelta(minutes=minute),
        open=Decimal("1.000000000001"),
        high=Decimal(2),
        low=Decimal("0.50"),
        close=Decimal(close),
        volume=Decimal("123456789012345.123456789012"),
        trades=7,
        closed=closed,
    )


async def stored(desk: Desk) -> list[Candle]:
    rows = await desk.connection.fetch("select * from read.candles order by symbol, opened_at")
    return [Candle(**dict(row)) for row in rows]


class LastFeed:
    def __init__(self) -> None:
        self.rows: list[Row] = []

    async def publish(self, kind: str, rows: Sequence[Row], position: int | None) -> None:
        assert (kind, position) == ("candles", None)
        self.rows = list(rows)


async def test_what_is_written_is_read_exactly_across_months(desk: Desk) -> None:
    writer = CandleWriter(desk.pool, None)
    await writer.install()
    candles = [candle(minute, closed=True) for minute in range(5)]
    await writer.write(candles)
    await writer.write([])
    assert await stored(desk) == candles
    months = await desk.connection.fetch(
        "select relname from pg_class where relname ~ '^candles_[0-9_]+$' order by relname"
    )
    assert [row["relname"] for row in months] == ["candles_2026_01", "candles_2026_02"]


async def test_a_year_ends(desk: Desk) -> None:
    writer = CandleWriter(desk.pool, None)
    await writer.install()
    december = msgspec.structs.replace(
        candle(), opened_at=datetime(2025, 12, 31, 23, 59, tzinfo=UTC)
    )
    await writer.write([december])
    assert await stored(desk) == [december]


async def test_only_what_changed_is_told(desk: Desk) -> None:
    feed = LastFeed()
    writer = CandleWriter(desk.pool, feed)
    await writer.install()
    await writer.write([candle(0, closed=True), candle(1)])
    assert [row["closed"] for row in feed.rows] == [True, False]
    await writer.write([candle(0, "9.9"), candle(1, "1.7")])
    assert [row["close"] for row in feed.rows] == [Decimal("1.7")]


async def test_writers_in_many_processes_may_start_at_once(desk: Desk) -> None:
    writers = [CandleWriter(desk.pool, None) for _ in range(6)]
    await asyncio.gather(*(writer.install() for writer in writers))
    await asyncio.gather(
        *(writer.write([candle(n), candle(n + 2)]) for n, writer in enumerate(writers))
    )
    assert len(await stored(desk)) == 8


UPDATES = st.lists(
    st.builds(
        candle,
        minute=st.integers(0, 3),
        close=st.sampled_from(("1.1", "1.2", "1.3")),
        closed=st.booleans(),
    ),
    max_size=30,
)


@given(updates=UPDATES, batch=st.integers(1, 8))
@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_batches_end_where_single_writes_end(
    postgres_dsn: str, updates: list[Candle], batch: int
) -> None:
    expected: dict[datetime, Candle] = {}
    for update in updates:
        present = expected.get(update.opened_at)
        if present is None or update.closed or not present.closed:
            expected[update.opened_at] = update
    async with open_desk(postgres_dsn) as desk:
        await desk.connection.execute("drop schema if exists market cascade")
        writer = CandleWriter(desk.pool, None)
        await writer.install()
        for start in range(0, len(updates), batch):
            await writer.write(updates[start : start + batch])
        assert await stored(desk) == [expected[at] for at in sorted(expected)]
