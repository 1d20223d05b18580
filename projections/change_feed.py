"""Changed rows as they are committed, for whoever pushes them on."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

import msgspec
import redis.asyncio
import structlog
from redis.exceptions import RedisError

from projections.metrics import ProjectionMetrics

CHANNEL = "patriot:changes"
ROWS_IN_MESSAGE = 200
PUBLISH_SECONDS = 0.5
PAUSE_SECONDS = 2.0

Row = Mapping[str, Any]

_log = structlog.get_logger(__name__)
_encode = msgspec.json.Encoder().encode
_EXPONENT = re.compile(rb'"-?\d[\d.]*E[+-]?\d+"')


class ChangeFeed(Protocol):
    """Takes rows as they stand in ``read`` after a commit, of kind orders, executions, balances,
    problems or candles. ``position`` is the log's, None for what is not in the log.

    Never raises for a feed that is down: the read models are the truth, a feed only tells of them.
    """

    async def publish(self, kind: str, rows: Sequence[Row], position: int | None) -> None: ...


class RedisChangeFeed:
    """Publishes on one channel: ``{"kind", "position", "rows": […]}``, decimals as plain strings,
    times in RFC 3339, at most ROWS_IN_MESSAGE rows a message.

    A server that is away costs ``patience`` (seconds) every PAUSE_SECONDS; what changes between is
    counted as lost and not told.
    """

    def __init__(
        self,
        client: "redis.asyncio.Redis",
        metrics: ProjectionMetrics,
        channel: str = CHANNEL,
        patience: float = PUBLISH_SECONDS,
    ) -> None:
        self._client = client
        self._metrics = metrics
        self._channel = channel
        self._patience = patience
        self._paused_until = 0.0

    async def publish(self, kind: str, rows: Sequence[Row], position: int | None) -> None:
        now = asyncio.get_running_loop().time
        if now() < self._paused_until:
            self._metrics.lost_changes.labels(kind).inc(len(rows))
            return
        try:
            async with asyncio.timeout(self._patience):
                await self._publish(kind, rows, position)
        except (RedisError, OSError) as error:
            self._paused_until = now() + PAUSE_SECONDS
            self._metrics.lost_changes.labels(kind).inc(len(rows))
            _log.warning("changes_not_published", kind=kind, rows=len(rows), error=repr(error))

    async def _publish(self, kind: str, rows: Sequence[Row], position: int | None) -> None:
        for start in range(0, len(rows), ROWS_IN_MESSAGE):
            part = rows[start : start + ROWS_IN_MESSAGE]
            await self._client.publish(self._channel, message(kind, part, position))


def message(kind: str, rows: Sequence[Row], position: int | None) -> bytes:
    encoded = _encode({"kind": kind, "position": position, "rows": rows})
    if _EXPONENT.search(encoded):
        plain = [{name: _plain(value) for name, value in row.items()} for row in rows]
        return _encode({"kind": kind, "position": position, "rows": plain})
    return encoded


def _plain(value: object) -> object:
    return format(value, "f") if isinstance(value, Decimal) else value
