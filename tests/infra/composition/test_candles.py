"""Candles wait for a database that is away, and the newest state of each is what arrives."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import asyncpg
import pytest

from domain.market_data import Candle, MarketEvent
from infra.composition import candles
from infra.composition.candles import WRITE_SECONDS, CandlePump
from projections.candles import CandleWriter
from tests.doubles.manual_clock import ManualClock

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
ONE = Decimal(1)


class Market:
    """Events as a test puts them."""

    def __init__(self) -> None:
        self._events: asyncio.Queue[MarketEvent] = asyncio.Queue()

    def put(self, *events: MarketEvent) -> None:
        for event in events:
            self._events.put_nowait(event)

    async def subscribe(self) -> AsyncGenerator[MarketEvent]:
        while True:
            yield await self._events.get()

    def quote(self, symbol: str) -> None:
        return None


class Table(CandleWriter):
    """What is written; nothing while the database is away."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.written: list[Candle] = []

    async def write(self, candles: Sequence[Candle]) -> None:
        if self.error is not None:
            raise self.error
        self.written += candles


def candle(minute: int, close: int) -> Candle:
    at = FIRST + timedelta(minutes=minute)
    return Candle("BTCUSDT", "1m", at, ONE, ONE, ONE, Decimal(close), ONE, 1, closed=False)


class Pump:
    def __init__(self) -> None:
        self.market, self.table, self.clock = Market(), Table(), ManualClock()
        pump = CandlePump(self.market, self.table, self.clock)
        self.running = asyncio.create_task(pump.run())

    async def pass_time(self, seconds: float) -> None:
        for _ in range(int(seconds / WRITE_SECONDS)):
            await self.clock.advance(WRITE_SECONDS)
            for _ in range(20):
                await asyncio.sleep(0)


@pytest.fixture
async def pump() -> AsyncGenerator[Pump]:
    pump = Pump()
    yield pump
    pump.running.cancel()
    await asyncio.gather(pump.running, return_exceptions=True)


AWAY = [ConnectionRefusedError(), asyncpg.CannotConnectNowError(), TimeoutError()]


@pytest.mark.parametrize("error", AWAY)
async def test_candles_wait_for_the_database(pump: Pump, error: Exception) -> None:
    pump.market.put(candle(1, 10))
    await pump.pass_time(1)
    pump.table.error = error
    pump.market.put(candle(1, 11), candle(2, 20))
    await pump.pass_time(30)
    pump.market.put(candle(2, 21), candle(3, 30))
    pump.table.error = None
    await pump.pass_time(3)
    newest = {each.opened_at: each.close for each in pump.table.written}
    assert list(newest.values()) == [11, 21, 30]


async def test_a_table_that_refuses_is_a_fault(pump: Pump) -> None:
    pump.table.error = asyncpg.UndefinedTableError("no such table")
    pump.market.put(candle(1, 10))
    await pump.pass_time(1)
    with pytest.raises(ExceptionGroup):
        await pump.running


async def test_no_more_wait_than_there_is_room_for(
    pump: Pump, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candles, "MAX_WAITING", 3)
    pump.table.error = TimeoutError()
    pump.market.put(candle(0, 1))
    await pump.pass_time(1)
    pump.market.put(*(candle(minute, 1) for minute in range(1, 9)))
    await pump.pass_time(1)
    pump.table.error = None
    await pump.pass_time(5)
    minutes = [(each.opened_at - FIRST) / timedelta(minutes=1) for each in pump.table.written]
    assert minutes == [0, 6, 7, 8]
