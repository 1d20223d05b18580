"""The market: a recording or a generator, through the feed, to the hub."""

from pathlib import Path
from random import Random

from adapters.market.candles import CandleBuilder
from adapters.market.feed import Feed
from adapters.market.frame_source import FrameSource
from adapters.market.hub import MarketHub
from adapters.market.metrics import MarketMetrics
from adapters.market.player import RecordingPlayer
from adapters.market.recording import Recording
from adapters.market.static_instruments import StaticInstruments
from adapters.market.synthetic import SyntheticMarket, SyntheticSource, default_symbols
from domain.clock import Clock
from infra.settings import SYNTHETIC, Settings


def instruments(settings: Settings) -> StaticInstruments:
    """Those of an exchangeInfo answer where one is set, else the built-in ones."""
    if settings.exchange_info is None:
        return StaticInstruments.default()
    return StaticInstruments.from_file(settings.exchange_info)


def frame_source(settings: Settings, tradable: StaticInstruments, clock: Clock) -> FrameSource:
    """Played in a loop with its times moved to now: a live market's quotes are fresh."""
    if settings.market == SYNTHETIC:
        # Reproducible on purpose; nothing here is secret.
        random = Random(settings.market_seed)  # noqa: S311
        return SyntheticSource(SyntheticMarket(default_symbols(tradable.all()), random), clock)
    return RecordingPlayer(
        Recording(Path(settings.market)),
        clock,
        speed=settings.market_speed,
        loop=True,
        restamp=True,
    )


def market_feed(source: FrameSource, hub: MarketHub, clock: Clock, metrics: MarketMetrics) -> Feed:
    return Feed(source, hub, clock, metrics, candles=CandleBuilder())
