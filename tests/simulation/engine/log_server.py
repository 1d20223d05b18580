"""The one log that all processes write to: its store, its outages, and the way to it and back."""

import asyncio
from collections.abc import Iterator, Sequence
from enum import Enum
from random import Random
from typing import Protocol

import msgspec

from domain.log import Appended, LogError, LogUnavailable, NewEvent, RecordedEvent
from tests.simulation.engine.process import outside
from tests.simulation.engine.rates import FaultRates
from tests.simulation.engine.store import SimulatedStore

RECONNECT_SECONDS = 0.5
"""How often a subscription tries again during an outage."""

DAWDLES = 0.3
"""The share of answers that take time: an old answer may be overtaken."""

Page = Sequence[RecordedEvent]
Answer = asyncio.Future[Appended]


class Fate(Enum):
    """What becomes of an append. The writer of all but the first two is told: nobody knows."""

    DONE = "done"
    SLOW = "log/append_slow"
    LOST = "log/answer_lost"
    """It is in the log."""
    LATE = "log/append_late"
    """It is not in the log yet; some time after the answer it arrives."""
    REFUSED = "log/append_refused"
    """It never arrives."""


class Append(msgspec.Struct, frozen=True):
    stream: str
    events: Sequence[NewEvent]
    expected_version: int


class World(Protocol):
    """What the server needs of a simulation."""

    def strikes(self, fault: str, rate: float) -> bool: ...

    def hit(self, fault: str) -> None: ...

    def note(self, action: str, process: str | None = None) -> None: ...

    async def alive_or_hang(self) -> None: ...


class LogServer:
    """Messages under way belong to nobody: they arrive though their sender is paused or dead."""

    def __init__(
        self,
        store: SimulatedStore,
        *,
        world: World,
        rates: FaultRates,
        dice: Random,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.store = store
        self._world = world
        self._rates = rates
        self._dice = dice
        self._loop = loop
        self._network = outside()
        self._down_until = 0.0
        self._next_outage = self._draw_time_to_outage()

    def latency(self) -> float:
        """Seconds one way."""
        return self._dice.random() * 2 * self._rates.latency_seconds

    def slowness(self) -> float:
        """Seconds of what is slow or late."""
        return self._dice.random() * 2 * self._rates.slow_seconds

    async def depart(self) -> None:
        """The way out of the process: what is paused here leaves when the process goes on."""
        await self._world.alive_or_hang()
        await asyncio.sleep(self.latency())

    async def ask(self) -> None:
        """A question is sent and arrives. Raises LogUnavailable."""
        await self.depart()
        if self.down() or self._world.strikes("log/read_failed", self._rates.read_failed):
            raise LogUnavailable("log/read_failed")

    async def answer(self) -> None:
        """The way back: often there is no time between."""
        if self._dice.random() < DAWDLES:
            await asyncio.sleep(self.latency())

    async def deliver(self) -> None:
        """What a subscription has found takes its time, and as long as an outage lasts."""
        await self.depart()
        if self._world.strikes("log/delivery_late", self._rates.delivery_late):
            await asyncio.sleep(self.slowness())
        await self._reconnect()

    def cut(self, page: Page) -> Iterator[Page]:
        """A page as it is, or in parts."""
        while len(page) > 1 and self._world.strikes("log/pages_cut", self._rates.pages_cut):
            size = self._dice.randrange(1, len(page))
            yield page[:size]
            page = page[size:]
        yield page

    def carry(self, append: Append) -> Answer:
        """Send it. The answer comes in time, whatever it is."""
        answer: Answer = self._loop.create_future()
        fate = self._draw_fate()
        if fate is not Fate.DONE:
            self._world.note(f"{append.stream}@{append.expected_version}: {fate.value}")
        if fate in {Fate.REFUSED, Fate.LATE}:
            self._later(self.latency(), answer, LogUnavailable(fate.value))
        if fate is not Fate.REFUSED:
            transit = self.latency() if fate in {Fate.DONE, Fate.LOST} else self.slowness()
            heard = None if fate is Fate.LATE else answer
            self._loop.call_later(
                transit, self._arrive, append, heard, fate is Fate.LOST, context=self._network
            )
        return answer

    def down(self) -> bool:
        """Whether there is an outage now."""
        now = self._loop.time()
        while now >= self._next_outage:
            length = self._dice.expovariate(1 / self._rates.outage_seconds)
            self._down_until = self._next_outage + length
            self._next_outage = self._down_until + self._draw_time_to_outage()
        if now >= self._down_until:
            return False
        self._world.hit("log/outage")
        return True

    def heal(self, rates: FaultRates) -> None:
        self._rates = rates
        self._down_until = 0.0
        self._next_outage = float("inf")

    async def _reconnect(self) -> None:
        for _ in iter(self.down, False):
            await asyncio.sleep(RECONNECT_SECONDS)

    def _arrive(self, append: Append, answer: Answer | None, lost: bool) -> None:
        outcome = self._commit(append)
        if answer is not None:
            if lost:
                outcome = LogUnavailable(Fate.LOST.value)
            self._later(self.latency(), answer, outcome)

    def _commit(self, append: Append) -> Appended | LogError:
        if self.down():
            return LogUnavailable("log/outage")
        try:
            return self.store.append(append.stream, append.events, append.expected_version)
        except LogError as error:
            return error

    def _later(self, seconds: float, answer: Answer, outcome: Appended | LogError) -> None:
        self._loop.call_later(seconds, self._tell, answer, outcome, context=self._network)

    def _tell(self, answer: Answer, outcome: Appended | LogError) -> None:
        if answer.done():
            self._world.hit("log/answer_unheard")
        elif isinstance(outcome, LogError):
            answer.set_exception(outcome)
        else:
            answer.set_result(outcome)

    def _draw_fate(self) -> Fate:
        strikes, rates = self._world.strikes, self._rates
        if strikes(Fate.REFUSED.value, rates.append_refused):
            return Fate.REFUSED
        if strikes(Fate.LOST.value, rates.answer_lost):
            return Fate.LOST
        if strikes(Fate.LATE.value, rates.append_late):
            return Fate.LATE
        return Fate.SLOW if strikes(Fate.SLOW.value, rates.append_slow) else Fate.DONE

    def _draw_time_to_outage(self) -> float:
        rate = self._rates.outages_per_second
        return self._dice.expovariate(rate) if rate else float("inf")
