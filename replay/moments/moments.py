"""The moments that are being asked about: made when first asked for, kept while there is room."""

import asyncio
from collections.abc import Sequence
from typing import Any

from domain.errors import Busy
from replay.moments.moment import MakeMoment, Moment, MomentLost

KEPT = 4
"""Moments that stay, so that the next page of a list comes at once. Each holds tables."""

AT_ONCE = 2
"""Moments that are made at the same time: the past may not take the processor from who trades."""

WAITING = 16
"""Questions that are answered or wait for it; more are refused."""

SECONDS = 30.0
"""How long one question may take to make its moment, its turn included."""


class _Place:
    """Where a moment is, or will be. Who has the lock makes it or asks it."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.moment: Moment | None = None
        self.askers = 0


class Moments:
    """Whoever asks first makes the moment; who asks the same meanwhile waits for it.

    Nothing is under way here but for somebody who waits: who gives up waiting stops it.
    """

    def __init__(
        self,
        make: MakeMoment,
        *,
        kept: int = KEPT,
        at_once: int = AT_ONCE,
        waiting: int = WAITING,
        seconds: float = SECONDS,
    ) -> None:
        self._make = make
        self._kept = kept
        self._waiting = waiting
        self._seconds = seconds
        self._turns = asyncio.Semaphore(at_once)
        self._places: dict[tuple[str, int], _Place] = {}

    async def rows(
        self, model: str, position: int, statement: str, arguments: Sequence[object]
    ) -> Sequence[dict[str, Any]]:
        """What a statement over the views of a read model would have answered at a position.

        Raises Busy: ``past_busy``, ``past_too_far``; and what making the moment raises.
        """
        if sum(place.askers for place in self._places.values()) >= self._waiting:
            raise Busy("past_busy", "too many lists of the past are being put together", "as_of")
        place = self._place(model, position)
        place.askers += 1
        try:
            async with place.lock:
                return await self._ask(place, (model, position), statement, arguments)
        finally:
            place.askers -= 1
            await self._let_go()

    async def close(self) -> None:
        """Let go of all of them; nobody may ask any more."""
        for place in self._places.values():
            await _empty(place)
        self._places.clear()

    def _place(self, model: str, position: int) -> _Place:
        """The newest comes last."""
        key = (model, position)
        self._places[key] = self._places.pop(key, _Place())
        return self._places[key]

    async def _ask(
        self, place: _Place, key: tuple[str, int], statement: str, arguments: Sequence[object]
    ) -> Sequence[dict[str, Any]]:
        if place.moment is not None:
            try:
                return await place.moment.rows(statement, arguments)
            except MomentLost:
                await _empty(place)
        place.moment = await self._made(*key)
        return await place.moment.rows(statement, arguments)

    async def _made(self, model: str, position: int) -> Moment:
        limit = asyncio.timeout(self._seconds)
        try:
            async with limit, self._turns:
                return await self._make(model, position)
        except TimeoutError as error:
            if not limit.expired():
                raise
            message = f"{model} at {position} is not there after {self._seconds:.0f} s"
            raise Busy("past_too_far", message, "as_of") from error

    async def _let_go(self) -> None:
        while (key := self._superfluous()) is not None:
            await _empty(self._places.pop(key))

    def _superfluous(self) -> tuple[str, int] | None:
        """A place nobody asks at that is empty, or that was asked for longest ago of too many."""
        for key, place in self._places.items():
            if not place.askers and (place.moment is None or len(self._places) > self._kept):
                return key
        return None


async def _empty(place: _Place) -> None:
    moment, place.moment = place.moment, None
    if moment is not None:
        await moment.close()
