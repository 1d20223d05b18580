"""Hands every market event to those who want it, inside one process."""

import weakref
from collections.abc import Callable

from adapters.market.metrics import MarketMetrics
from adapters.market.subscription import Mailbox, Subscription
from domain.market_data import MarketEvent, Quote

DEFAULT_QUEUE = 4_096
MAX_SYMBOLS = 10_000

Listener = Callable[[MarketEvent], None]


class MarketHub:
    """The MarketData port, fed by ``publish``.

    Subscribers have a bounded queue each that loses its oldest events when full. Listeners are
    called synchronously, before any subscriber: for code that must act on the event itself, such
    as a matching engine; what a listener raises stops the feed, for it is an error of our own.
    """

    def __init__(self, metrics: MarketMetrics, *, queue_size: int = DEFAULT_QUEUE) -> None:
        self._metrics = metrics
        self._queue_size = queue_size
        self._quotes: dict[str, Quote] = {}
        self._listeners: tuple[Listener, ...] = ()
        self._mailboxes: tuple[Mailbox, ...] = ()

    def publish(self, event: MarketEvent) -> None:
        """Never waits."""
        if isinstance(event, Quote):
            self._remember(event)
        for listener in self._listeners:
            listener(event)
        for mailbox in self._mailboxes:
            if mailbox.put(event):
                self._metrics.dropped_events.inc()

    def quote(self, symbol: str) -> Quote | None:
        return self._quotes.get(symbol)

    def quotes(self) -> tuple[Quote, ...]:
        """The newest quote of every symbol."""
        return tuple(self._quotes.values())

    def subscribe(self) -> Subscription:
        """Events from the time of the call on, until closed.

        A subscription that is no longer referenced is closed.
        """
        mailbox = Mailbox(self._queue_size)
        self._mailboxes += (mailbox,)
        subscription = Subscription(mailbox)
        # The hub holds the mailbox only, so that a forgotten subscription can be collected.
        leave = weakref.finalize(subscription, self._leave, mailbox)
        leave.atexit = False
        subscription.leave = leave
        return subscription

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` with the newest quote of every symbol, then with every event.

        The answer ends that. Who comes late must not wait for the next quote to know the market.
        """
        for quote in self._quotes.values():
            listener(quote)
        self._listeners += (listener,)

        def stop() -> None:
            self._listeners = tuple(other for other in self._listeners if other is not listener)

        return stop

    def close(self) -> None:
        """End every subscription once it has delivered what it holds."""
        for mailbox in self._mailboxes:
            mailbox.close()
        self._mailboxes = ()

    def _remember(self, quote: Quote) -> None:
        if quote.symbol in self._quotes or len(self._quotes) < MAX_SYMBOLS:
            self._quotes[quote.symbol] = quote

    def _leave(self, mailbox: Mailbox) -> None:
        mailbox.close()
        self._mailboxes = tuple(other for other in self._mailboxes if other is not mailbox)
