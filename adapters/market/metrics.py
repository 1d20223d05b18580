"""What the market feed counts, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter


class MarketMetrics:
    """Counters of one process's market data; one instance for each registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.frames = Counter(
            "patriot_market_frames",
            "Market frames received, good or bad.",
            registry=registry,
        )
        self.bad_frames = Counter(
            "patriot_market_bad_frames",
            "Market frames skipped because they could not be used.",
            ["reason"],
            registry=registry,
        )
        self.dropped_events = Counter(
            "patriot_market_dropped_events",
            "Market events dropped because a subscriber was slower than the market.",
            registry=registry,
        )
        self.left_out_trades = Counter(
            "patriot_market_left_out_trades",
            "Trades in no candle, because they came too late or from the future.",
            registry=registry,
        )
        self.bridge_failures = Counter(
            "patriot_market_bridge_failures",
            "Lost connections and unreadable messages between processes.",
            ["side"],
            registry=registry,
        )
