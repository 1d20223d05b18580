"""From the market's candles to the table: the newest state of each, a few times a second."""

import asyncio
from contextlib import aclosing

from domain.clock import Clock
from domain.market_data import Candle, MarketData
from projections.candles import CandleWriter

WRITE_SECONDS = 0.25

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
                    key = (event.symbol, event.interval, event.opened_at.isoformat())
                    self._newest[key] = event
                    self._arrived.set()

    async def _write(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            batch, self._newest = list(self._newest.values()), {}
            await self._writer.write(batch)
            await self._clock.sleep(WRITE_SECONDS)
