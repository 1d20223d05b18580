"""What the read models tell Prometheus."""

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram


class ProjectionMetrics:
    """One set for a process; tests hand in a registry of their own."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self.registry = registry
        self.events = Counter(
            "patriot_projection_events",
            "Events folded into read models.",
            ["projection"],
            registry=registry,
        )
        self.batch_seconds = Histogram(
            "patriot_projection_batch_seconds",
            "Writing and committing a batch.",
            ["projection"],
            registry=registry,
        )
        self.failed = Gauge(
            "patriot_projection_failed",
            "1 while a projection stands at an event that it cannot take.",
            ["projection"],
            registry=registry,
        )
        self.retries = Counter(
            "patriot_projection_retries",
            "Restarts of a projection after an error that may pass.",
            ["projection"],
            registry=registry,
        )
        self.lag_events = Gauge(
            "patriot_projection_lag_events",
            "Events of the log that a projection has not seen, up to the bound of the count.",
            ["projection"],
            registry=registry,
        )
        self.lag_seconds = Gauge(
            "patriot_projection_lag_seconds",
            "Age of the oldest event that a projection has not seen.",
            ["projection"],
            registry=registry,
        )
        self.lost_changes = Counter(
            "patriot_change_feed_lost_rows",
            "Changed rows that could not be published; the read models have them.",
            ["kind"],
            registry=registry,
        )
