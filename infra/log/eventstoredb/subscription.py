"""Following the log: a connection of its own, and as many calls on it as it takes."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager

from domain.log import CaughtUp, EventFilter, RecordedEvent
from infra.log.eventstoredb import requests
from infra.log.eventstoredb.connection import Connection, ReadCall, receive
from infra.log.eventstoredb.failures import Lost
from infra.log.eventstoredb.feed import Feed
from infra.log.eventstoredb.patience import Patience


class Subscription:
    """Resumes after the last event it has received, for as long as it takes.

    A server that ends a subscription without an error has not finished it: that is a loss too.
    """

    def __init__(
        self,
        connection: Connection,
        patience: Patience,
        *,
        after: int,
        only: EventFilter,
        page_size: int,
    ) -> None:
        self._connection = connection
        self._patience = patience
        self._only = only
        self._feed = Feed(after, only, page_size)

    async def pages(self) -> AsyncGenerator[Sequence[RecordedEvent] | CaughtUp]:
        """Raises LogFailed for what no new connection will mend."""
        receiver = asyncio.create_task(self._receive())
        receiver.add_done_callback(self._received)
        try:
            while (page := await self._feed.take()) is not None:
                yield page
        finally:
            receiver.cancel()
            await asyncio.wait([receiver])
            await self._connection.close()

    def close(self) -> None:
        """End it from outside: its reader gets what was received."""
        self._feed.end(None)

    def _received(self, receiver: "asyncio.Task[None]") -> None:
        self._feed.end(None if receiver.cancelled() else receiver.exception())

    async def _receive(self) -> None:
        delays = self._patience.delays()
        leader: str | None = None
        while True:
            try:
                await self._connection.renew(self._connection.node, leader)
                call = self._connection.read(requests.subscription(self._feed.position, self._only))
                with _cancelling(call):
                    await self._confirm(call)
                    delays = self._patience.delays()
                    await self._follow(call)
            except Lost as lost:
                leader = lost.leader
            self._feed.fell_behind()
            await asyncio.sleep(next(delays))

    async def _confirm(self, call: ReadCall) -> None:
        try:
            async with asyncio.timeout(self._patience.connect):
                response = await receive(call)
        except TimeoutError:
            raise Lost("the server does not confirm the subscription") from None
        if response is None or response.WhichOneof("content") != "confirmation":
            raise Lost("the server did not confirm the subscription")
        self._feed.confirmed()

    async def _follow(self, call: ReadCall) -> None:
        feed = self._feed
        while (response := await receive(call)) is not None:
            match response.WhichOneof("content"):
                case "event":
                    feed.put(response.event)
                    await feed.room()
                case "caught_up":
                    feed.caught_up()
                case "fell_behind":
                    feed.fell_behind()
        raise Lost("the server ended the subscription")


@contextmanager
def _cancelling(call: ReadCall) -> Iterator[None]:
    try:
        yield
    finally:
        call.cancel()
