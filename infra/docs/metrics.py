"""The reference of metrics, from the collectors themselves."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from adapters.market.metrics import MarketMetrics
from api.metrics import ApiMetrics
from projections.metrics import ProjectionMetrics
from replay.snapshots.metrics import SnapshotMetrics

_HEADER = """# Metrics

What `GET /metrics` shows of the core, in the Prometheus text format; the process's own metrics come
beside them. A counter's sample name ends in `_total`. This page is generated from the code:
`make docs`.

| metric | type | labels | meaning |
|---|---|---|---|
"""


def render() -> str:
    """The page as Markdown."""
    return _HEADER + "".join(sorted(_rows()))


def _rows() -> Iterator[str]:
    registry = CollectorRegistry()
    for metrics in (
        MarketMetrics(registry),
        ProjectionMetrics(registry),
        ApiMetrics(registry),
        SnapshotMetrics(registry),
    ):
        for collector in vars(metrics).values():
            if isinstance(collector, MetricWrapperBase):
                yield _row(collector)


def _row(collector: MetricWrapperBase) -> str:
    (metric,) = collector.describe()
    labels = ", ".join(f"`{label}`" for label in collector._labelnames)
    return f"| `{metric.name}` | {metric.type} | {labels} | {metric.documentation} |\n"
