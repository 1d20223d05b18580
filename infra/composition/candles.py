"""From the market's candles to the table: the newest state of each, a few times a second.

While the database is away the newest states gather and wait.
"""

import asyncio
from contextlib import aclosing
from functools import partial

from domain.clock import Clock
from domain.market_data import Candle, MarketData
from infra.database_patience import until_answered
from projections.candles import CandleWriter

WRITE_SECONDS = 0.25

MAX_WAITING = 20_000
"""A week of minutes for two symbols: those that came first are dropped beyond that."""

CandleKey = tuple[str, str, str]


class CandlePump:
    """Collects candles between two writes; only the newest state of each is kept."""

    def __init__(self, market: MarketData, writer: CandleWriter, clock: Clock) -> None:
        self._market = market
        self._writer = writer
        self._clock = clock
        self._newest: dict[CandleKey, Candle] = {}
        self._arrived = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._collect())
            group.create_task(self._write())

    async def _collect(self) -> None:
        async with aclosing(self._market.subscribe()) as events:
            async for event in events:
                if isinstance(event, Candle):
                    self._keep(event)

    def _keep(self, candle: Candle) -> None:
        self._newest[candle.symbol, candle.interval, candle.opened_at.isoformat()] = candle
        if len(self._newest) > MAX_WAITING:
            del self._newest[next(iter(self._newest))]
        self._arrived.set()

    async def _write(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            batch, self._newest = list(self._newest.values()), {}
            await until_answered(self._clock, "candles", partial(self._writer.write, batch))
            await self._clock.sleep(WRITE_SECONDS)
