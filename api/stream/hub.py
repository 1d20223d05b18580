"""From the feed of changes to the connections that want them."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import aclosing

import msgspec
import structlog

from api.metrics import ApiMetrics
from api.stream.changes import Change, Feed, Gap, Lost, decode_key
from api.stream.subscriber import Subscriber

EVERYTHING = "*"
"""The part of a topic that stands for all accounts, or all symbols."""

CHANNELS = frozenset({"orders", "executions", "balances", "candles", "problems"})

Topic = tuple[str, str]

_log = structlog.get_logger(__name__)
_encode = msgspec.json.Encoder().encode


class ChangeMessage(msgspec.Struct, frozen=True, tag_field="event", tag="change"):
    """What a client gets: rows as ``GET`` would show them from this position on."""

    channel: str
    position: int | None
    rows: Sequence[msgspec.Raw]


class GapMessage(msgspec.Struct, frozen=True, tag_field="event", tag="gap"):
    """Changes may have been missed: read again by REST what matters."""


class Hub:
    """Encodes each message once, whoever many get it, and waits for none of them.

    ``run`` must be running.
    """

    def __init__(self, changes: Callable[[], Feed], metrics: ApiMetrics) -> None:
        self._changes = changes
        self._metrics = metrics
        self._topics: defaultdict[Topic, set[Subscriber]] = defaultdict(set)
        self._subscribers: set[Subscriber] = set()
        self.is_following = False

    @property
    def topics(self) -> int:
        """How many topics somebody has subscribed to."""
        return len(self._topics)

    def join(self, subscriber: Subscriber) -> None:
        self._subscribers.add(subscriber)

    def leave(self, subscriber: Subscriber) -> None:
        self._subscribers.discard(subscriber)
        for topic in [t for t, members in self._topics.items() if subscriber in members]:
            self._forget(topic, subscriber)

    def subscribe(self, subscriber: Subscriber, channel: str) -> None:
        for topic in _topics_of(subscriber, channel):
            self._topics[topic].add(subscriber)

    def unsubscribe(self, subscriber: Subscriber, channel: str) -> None:
        for topic in _topics_of(subscriber, channel):
            self._forget(topic, subscriber)

    async def run(self) -> None:
        """Hand out changes until cancelled."""
        try:
            async with aclosing(self._changes()) as changes:
                async for change in changes:
                    self._take(change)
        finally:
            self.is_following = False

    def _take(self, change: Change | Gap | Lost) -> None:
        match change:
            case Gap():
                self._tell_of_gap()
            case Lost():
                self.is_following = False
            case Change():
                try:
                    self.publish(change)
                except msgspec.DecodeError as error:
                    _log.error("change_not_understood", error=str(error))

    def publish(self, change: Change) -> None:
        self._send((change.kind, EVERYTHING), change, change.rows)
        for part, rows in self._wanted_parts(change).items():
            self._send((change.kind, part), change, rows)

    def _wanted_parts(self, change: Change) -> dict[str, list[msgspec.Raw]]:
        """Rows by account or symbol, only where somebody has subscribed to that one."""
        parts: defaultdict[str, list[msgspec.Raw]] = defaultdict(list)
        for row in change.rows:
            key = decode_key(row)
            part = key.symbol if change.kind == "candles" else key.account_id
            if part is not None and (change.kind, part) in self._topics:
                parts[part].append(row)
        return parts

    def _send(self, topic: Topic, change: Change, rows: Sequence[msgspec.Raw]) -> None:
        members = self._topics.get(topic)
        if members:
            message = _encode(ChangeMessage(change.kind, change.position, rows)).decode()
            self._offer(members, message)

    def _tell_of_gap(self) -> None:
        """The first subscription misses nothing that anybody was promised."""
        if self._subscribers:
            self._metrics.gaps.inc()
            self._offer(self._subscribers, _encode(GapMessage()).decode())
        self.is_following = True

    def _offer(self, members: Iterable[Subscriber], message: str) -> None:
        for subscriber in members:
            subscriber.offer(message)
            self._metrics.messages.inc()

    def _forget(self, topic: Topic, subscriber: Subscriber) -> None:
        members = self._topics.get(topic)
        if members is not None:
            members.discard(subscriber)
            if not members:
                del self._topics[topic]


def _topics_of(subscriber: Subscriber, channel: str) -> list[Topic]:
    """``candles:BTCUSDT`` is one symbol; the other channels follow the subscriber's accounts."""
    kind, _, symbol = channel.partition(":")
    if kind == "candles":
        return [(kind, symbol or EVERYTHING)]
    if subscriber.accounts is None:
        return [(kind, EVERYTHING)]
    return [(kind, account_id) for account_id in subscriber.accounts]
