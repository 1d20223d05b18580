"""Virtual time, and what the clocks of different machines make of it."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random

from domain.clock import Clock
from tests.simulation.engine.rates import FaultRates

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
BOOTED_BEFORE_SECONDS = 1_000_000.0


class VirtualClock:
    """``domain.clock.Clock``, and right: what the log and the venue go by."""

    def __init__(self, seconds: Callable[[], float], views: "Callable[[str], ClockView]") -> None:
        self._seconds = seconds
        self._new_view = views
        self._views: dict[str, ClockView] = {}

    def now(self) -> datetime:
        return START + timedelta(seconds=self._seconds())

    def monotonic(self) -> float:
        return self._seconds()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def view(self, name: str) -> "ClockView":
        """The clock of one machine, the same whenever it is asked for."""
        if name not in self._views:
            self._views[name] = self._new_view(name)
        return self._views[name]

    def heal(self) -> None:
        """All clocks go right from now on."""
        for view in self._views.values():
            view.heal()


class ClockView:
    """A machine's clock: wrong by an offset that jumps now and then. Durations are right.

    Its monotonic time began when the machine was booted, so that of two machines is never the same.
    """

    def __init__(
        self,
        seconds: Callable[[], float],
        dice: Random,
        rates: FaultRates,
        hit: Callable[[str], None],
    ) -> None:
        self._seconds = seconds
        self._dice = dice
        self._rates = rates
        self._hit = hit
        self._booted = -dice.uniform(0, BOOTED_BEFORE_SECONDS)
        self._offset = self._draw_offset(rates.clock_skewed, "clock/skewed")
        self._next_step = self._draw_next_step()

    @property
    def offset(self) -> float:
        """By how many seconds it is ahead now."""
        while self._seconds() >= self._next_step:
            self._offset = self._draw_offset(1.0, "clock/stepped")
            self._next_step += self._dice.expovariate(self._rates.clock_steps_per_second)
        return self._offset

    def now(self) -> datetime:
        return START + timedelta(seconds=self._seconds() + self.offset)

    def monotonic(self) -> float:
        return self._seconds() - self._booted

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def step(self, seconds: float) -> None:
        """Set it forward, or back."""
        self._hit("clock/stepped")
        self._offset = self.offset + seconds

    def heal(self) -> None:
        self._offset = 0.0
        self._next_step = float("inf")

    def _draw_offset(self, rate: float, fault: str) -> float:
        if self._dice.random() >= rate:
            return 0.0
        self._hit(fault)
        return self._dice.uniform(-1, 1) * self._rates.clock_offset_seconds

    def _draw_next_step(self) -> float:
        if not self._rates.clock_steps_per_second:
            return float("inf")
        return self._seconds() + self._dice.expovariate(self._rates.clock_steps_per_second)


def _conforms(clock: VirtualClock, view: ClockView) -> tuple[Clock, Clock]:
    return clock, view
