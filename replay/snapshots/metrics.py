"""What snapshots tell Prometheus."""

from prometheus_client import CollectorRegistry, Counter


class SnapshotMetrics:
    """One set for a process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.taken = Counter(
            "patriot_snapshots_taken", "Snapshots of read models.", ["model"], registry=registry
        )
        self.set_aside = Counter(
            "patriot_snapshots_set_aside",
            "Snapshots that were not what was taken.",
            ["model"],
            registry=registry,
        )
        self.not_read = Counter(
            "patriot_snapshots_not_read",
            "Times that snapshots could not be read, and stayed where they are.",
            registry=registry,
        )
        self.not_taken = Counter(
            "patriot_snapshots_not_taken",
            "Snapshots that were due and could not be taken then.",
            ["model"],
            registry=registry,
        )
