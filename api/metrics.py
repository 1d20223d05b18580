"""What the API tells Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class ApiMetrics:
    """One set for an application; routes are named by their template, never by a path with ids."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "patriot_api_requests",
            "Requests answered.",
            ["method", "route", "status"],
            registry=registry,
        )
        self.seconds = Histogram(
            "patriot_api_request_seconds",
            "From a request's arrival to the end of its answer.",
            ["method", "route"],
            buckets=_BUCKETS,
            registry=registry,
        )
        self.connections = Gauge(
            "patriot_api_stream_connections", "Open WebSocket connections.", registry=registry
        )
        self.dropped = Counter(
            "patriot_api_stream_dropped",
            "WebSocket clients dropped for reading too slowly.",
            registry=registry,
        )
        self.messages = Counter(
            "patriot_api_stream_messages",
            "Messages handed to WebSocket clients.",
            registry=registry,
        )
        self.gaps = Counter(
            "patriot_api_stream_gaps",
            "Times the feed of changes was lost and resumed.",
            registry=registry,
        )
