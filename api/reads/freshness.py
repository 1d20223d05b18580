"""Waiting until a read model has seen a log position."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import structlog

from api.errors import Problem
from api.queries import query
from api.reads.pool import UNREACHABLE, Connection, Pool
from domain.clock import Clock

CHANNEL = "patriot_checkpoint"
WAIT_SECONDS = 5.0
LOOK_AGAIN_SECONDS = 0.25
"""How often checkpoints are read while waiting, should a notification have been missed."""

_CHECKPOINTS = query("checkpoints")
_log = structlog.get_logger(__name__)


class Moved(msgspec.Struct, frozen=True):
    """What the projection worker notifies after a commit."""

    name: str
    position: int


_decode = msgspec.json.Decoder(Moved).decode


class Freshness:
    """Knows how far each projection has come. ``run`` keeps that current."""

    def __init__(self, pool: Pool, clock: Clock, wait_seconds: float = WAIT_SECONDS) -> None:
        self._pool = pool
        self._clock = clock
        self._wait_seconds = wait_seconds
        self._reached: dict[str, int] = {}
        self._moved: asyncio.Event = asyncio.Event()
        self.is_listening = False

    def positions(self) -> dict[str, int]:
        """The last position heard of, by projection."""
        return dict(self._reached)

    async def wait(self, projection: str, position: int | None) -> None:
        """Return once the projection has reached the position.

        Raises Problem ``read_model_behind``.
        """
        if position is None or self._has_reached(projection, position):
            return
        try:
            async with asyncio.timeout(self._wait_seconds):
                await self._until_reached(projection, position)
        except TimeoutError as error:
            raise Problem(
                "read_model_behind",
                f"{projection} is at {self._reached.get(projection, 0)}, asked for {position}",
                "at_least",
                {"Retry-After": "1"},
            ) from error

    async def run(self) -> None:
        """Follow the workers' notifications until cancelled, across lost connections."""
        while True:
            try:
                await self._listen()
            except UNREACHABLE as error:
                _log.warning("checkpoints_not_followed", error=repr(error))
            finally:
                self.is_listening = False
            await self._clock.sleep(1)

    async def refresh(self) -> None:
        """Read all checkpoints."""
        for row in await self._pool.fetch(_CHECKPOINTS):
            self._note(row["name"], row["checkpoint"])

    async def _until_reached(self, projection: str, position: int) -> None:
        while not self._has_reached(projection, position):
            moved = self._moved
            await self.refresh()
            if self._has_reached(projection, position):
                return
            try:
                async with asyncio.timeout(LOOK_AGAIN_SECONDS):
                    await moved.wait()
            except TimeoutError:
                continue

    def _has_reached(self, projection: str, position: int) -> bool:
        return self._reached.get(projection, -1) >= position

    async def _listen(self) -> None:
        async with self._pool.acquire() as connection:
            lost = asyncio.Event()
            connection.add_termination_listener(lambda _: lost.set())
            try:
                await connection.add_listener(CHANNEL, _listener(self._note))
                await self.refresh()
                self.is_listening = True
                await lost.wait()
            finally:
                # A connection that listens, or is about to, is of no use to anybody else; and to
                # end it takes no answer from a server that may be gone.
                connection.terminate()

    def _note(self, projection: str, position: int) -> None:
        if self._reached.get(projection) != position:
            self._reached[projection] = position
            self._moved.set()
            self._moved = asyncio.Event()


def _listener(note: Callable[[str, int], None]) -> Callable[..., None]:
    def heard(_connection: Connection, _pid: int, _channel: str, payload: Any) -> None:
        moved = _decode(payload)
        note(moved.name, moved.position)

    return heard
