"""What befalls the processes: killed and restarted, stopped and continued, at any moment."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from random import Random

from domain.clock import Clock
from domain.log import RecordedEvent
from tests.simulation.engine.process import Process, outside

LONGEST_DOWN = 8.0
LONGEST_PAUSE = 15.0
"""Seconds: past the lease, and past the window of a request."""


class Chaos:
    """Strikes at random times, and right after an append: between an intent and its sending."""

    def __init__(
        self,
        processes: Mapping[str, Process],
        clock: Clock,
        dice: Random,
        rate: Callable[[float], float],
    ) -> None:
        self._processes = processes
        self._clock = clock
        self._dice = dice
        self._strikes_per_second = rate(1.5)
        self._strikes_per_append = rate(0.15)
        self._pauses = dice.random()
        self._is_over = False

    async def run(self) -> None:
        """Until cancelled."""
        if not self._strikes_per_second:
            return
        while True:
            await self._clock.sleep(self._dice.expovariate(self._strikes_per_second))
            self._strike(self._dice.choice(tuple(self._processes.values())))

    def on_append(self, _records: Sequence[RecordedEvent]) -> None:
        """Whoever has just appended, or waits to hear of it, may be struck at this very moment."""
        if not self._is_over and self._dice.random() < self._strikes_per_append:
            process = self._dice.choice(tuple(self._processes.values()))
            loop = asyncio.get_running_loop()
            loop.call_soon(self._strike, process, context=outside())

    def end(self) -> None:
        """Nothing befalls anybody any more; the simulation's ``heal`` raises the dead."""
        self._is_over = True

    def _strike(self, process: Process) -> None:
        if self._is_over or not process.alive or process.paused:
            return
        loop, dice = asyncio.get_running_loop(), self._dice
        if dice.random() < self._pauses:
            process.pause()
            loop.call_later(dice.uniform(0.05, LONGEST_PAUSE), process.resume, context=outside())
        elif dice.random() < 0.3:
            process.restart()
        else:
            process.kill()
            loop.call_later(
                dice.uniform(0.0, LONGEST_DOWN), self._raise, process, context=outside()
            )

    def _raise(self, process: Process) -> None:
        if not process.alive:
            process.start()
