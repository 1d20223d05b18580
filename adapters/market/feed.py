"""The way of a frame: from its source, decoded, to the hub."""

from contextlib import aclosing
from datetime import datetime

import structlog

from adapters.market.bad_frame import BadFrame
from adapters.market.binance_frames import decode
from adapters.market.candles import CandleBuilder
from adapters.market.frame_source import FrameSource, RawFrame
from adapters.market.hub import MarketHub
from adapters.market.metrics import MarketMetrics
from adapters.market.throttle import Throttle
from adapters.market.timeline import restamped
from domain.clock import Clock
from domain.market_data import Candle, MarketEvent, Trade

_EXCERPT_BYTES = 120

_log = structlog.stdlib.get_logger(__name__)


class Feed:
    """Publishes what a source says. A bad frame is counted, logged and skipped.

    With ``candles``, candles come from the trades and the source's own are left out; without, the
    source's own candles are published.
    """

    def __init__(
        self,
        source: FrameSource,
        hub: MarketHub,
        clock: Clock,
        metrics: MarketMetrics,
        *,
        candles: CandleBuilder | None = None,
    ) -> None:
        self._source = source
        self._hub = hub
        self._metrics = metrics
        self._candles = candles
        self._throttle = Throttle(clock)

    async def run(self) -> None:
        """Until the source ends; raises what the source raises."""
        async with aclosing(self._source.frames()) as frames:
            async for frame in frames:
                self.take(frame)

    def take(self, frame: RawFrame) -> None:
        """Publish one frame, synchronously."""
        self._metrics.frames.inc()
        try:
            event = decode(frame.payload)
        except BadFrame as bad:
            self._skip(frame, bad)
            return
        if frame.timeline is not None:
            self._publish(
                restamped(event, frame.timeline), frame.timeline.played(frame.received_at)
            )
        else:
            self._publish(event, frame.received_at)

    def _publish(self, event: MarketEvent | None, now: datetime) -> None:
        if event is not None and not (self._candles is not None and isinstance(event, Candle)):
            self._hub.publish(event)
        if self._candles is not None:
            self._publish_candles(self._candles, event, now)

    def _publish_candles(
        self, candles: CandleBuilder, event: MarketEvent | None, now: datetime
    ) -> None:
        for closed in candles.advance(now):
            self._hub.publish(closed)
        if not isinstance(event, Trade):
            return
        if (candle := candles.add(event, now)) is not None:
            self._hub.publish(candle)
        else:
            self._metrics.left_out_trades.inc()

    def _skip(self, frame: RawFrame, bad: BadFrame) -> None:
        self._metrics.bad_frames.labels(bad.reason).inc()
        if self._throttle.admits(bad.reason):
            _log.warning(
                "market.bad_frame",
                reason=str(bad.reason),
                detail=bad.detail,
                frame=repr(frame.payload[:_EXCERPT_BYTES]),
                held_back=self._throttle.held_back(bad.reason),
            )
