"""How often what goes wrong in one seed, drawn from the seed itself."""

from enum import Enum
from random import Random
from typing import Self

import msgspec

CALM = 0.0


class Weather(Enum):
    """How bad a seed is. Rare faults let a run get far; many at once show how they combine."""

    CALM = "calm"
    FAIR = "fair"
    ROUGH = "rough"
    STORM = "storm"


_SHARES = {Weather.CALM: 5, Weather.FAIR: 45, Weather.ROUGH: 35, Weather.STORM: 15}
_STRENGTH = {Weather.CALM: 0.0, Weather.FAIR: 0.15, Weather.ROUGH: 0.4, Weather.STORM: 1.0}
_PRESENT = {Weather.CALM: 0.0, Weather.FAIR: 0.3, Weather.ROUGH: 0.6, Weather.STORM: 0.9}


def draw_weather(dice: Random) -> Weather:
    return dice.choices(list(_SHARES), list(_SHARES.values()))[0]


def draw_rate(dice: Random, weather: Weather, worst: float) -> float:
    """A rate up to ``worst``; often zero in fair weather, seldom in a storm."""
    present = dice.random() < _PRESENT[weather]
    return dice.random() * worst * _STRENGTH[weather] if present else CALM


class FaultRates(msgspec.Struct, frozen=True, kw_only=True):
    """Of the log and the clocks: chances an operation, unless named ``per_second`` or a length."""

    append_refused: float = CALM
    answer_lost: float = CALM
    append_late: float = CALM
    append_slow: float = CALM
    read_failed: float = CALM
    pages_cut: float = CALM
    delivery_late: float = CALM
    outages_per_second: float = CALM
    outage_seconds: float = 1.0
    latency_seconds: float = 0.0005
    slow_seconds: float = 1.0
    clock_skewed: float = CALM
    clock_steps_per_second: float = CALM
    clock_offset_seconds: float = 1.0

    @classmethod
    def draw(cls, dice: Random, weather: Weather | None = None) -> Self:
        """The rates of one seed; the weather is drawn as well unless given."""
        weather = weather or draw_weather(dice)

        def rate(worst: float) -> float:
            return draw_rate(dice, weather, worst)

        return cls(
            append_refused=rate(0.2),
            answer_lost=rate(0.2),
            append_late=rate(0.1),
            append_slow=rate(0.2),
            read_failed=rate(0.1),
            pages_cut=rate(1.0),
            delivery_late=rate(0.5),
            outages_per_second=rate(0.02),
            outage_seconds=dice.choice((0.2, 2.0, 20.0)),
            latency_seconds=dice.choice((0.0002, 0.001, 0.01)),
            slow_seconds=dice.choice((0.1, 1.0, 5.0)),
            clock_skewed=rate(1.0),
            clock_steps_per_second=rate(0.1),
            clock_offset_seconds=dice.choice((0.1, 1.0, 30.0)),
        )
