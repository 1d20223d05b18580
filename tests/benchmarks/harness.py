"""What a benchmark gets, and what it gives back.

A benchmark is a module ``bench_TOPIC.py`` with ``async def run(bench: Bench) -> list[Result]``.
Machines drift by more than the differences one looks for, so what is compared is measured in turns
within one run: ours, theirs, ours, theirs; and medians are compared.
"""

import statistics
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Self

import msgspec

ROUNDS = 5

Measurement = Callable[[], Awaitable[float]]
"""Does the work once and returns its rate, or its time: one number in the result's unit."""


class Result(msgspec.Struct, frozen=True):
    """One line of bench.json. ``goal`` bounds ``ratio``, which is value / reference_value."""

    name: str
    value: float
    unit: str
    reference: str
    reference_value: float
    ratio: float
    goal: float
    met: bool

    @classmethod
    def at_least(
        cls,
        name: str,
        value: float,
        unit: str,
        *,
        reference: str,
        reference_value: float,
        goal: float,
    ) -> Self:
        """A rate: the more the better; met from ``goal`` times the reference on."""
        ratio = value / reference_value
        return cls(name, value, unit, reference, reference_value, ratio, goal, ratio >= goal)

    @classmethod
    def at_most(cls, name: str, value: float, unit: str, limit: float) -> Self:
        """A time: the less the better; met up to ``limit``, which is the reference."""
        ratio = value / limit
        return cls(name, value, unit, "limit", limit, ratio, 1.0, ratio <= 1.0)


class Spread(msgspec.Struct, frozen=True):
    """How far the rounds of one measurement lay apart: (highest - lowest) / median."""

    ours: float
    reference: float


class Bench:
    """Fresh servers and a directory for one benchmark. ``scale`` multiplies its amount of work."""

    def __init__(self, *, postgres_dsn: str, redis_url: str, tmp_path: Path, scale: float) -> None:
        self.postgres_dsn = postgres_dsn
        self.redis_url = redis_url
        self.tmp_path = tmp_path
        self.scale = scale
        self.spreads: dict[str, Spread] = {}

    def scaled(self, amount: int, *, least: int = 1) -> int:
        """``amount`` of work at this run's scale."""
        return max(least, int(amount * self.scale))

    async def compare(
        self,
        name: str,
        unit: str,
        ours: Measurement,
        *,
        reference: str,
        theirs: Measurement,
        goal: float,
        rounds: int = ROUNDS,
    ) -> Result:
        """Medians of ``rounds`` measurements in turns, after one unmeasured turn of each."""
        ours_seen, theirs_seen = await alternate(ours, theirs, rounds)
        self.spreads[name] = Spread(spread(ours_seen), spread(theirs_seen))
        value, reference_value = statistics.median(ours_seen), statistics.median(theirs_seen)
        return Result.at_least(
            name, value, unit, reference=reference, reference_value=reference_value, goal=goal
        )


async def alternate(
    ours: Measurement, theirs: Measurement, rounds: int
) -> tuple[list[float], list[float]]:
    """Both measured in turns; who goes first changes each round."""
    await ours()
    await theirs()
    seen: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds):
        turns = [(seen[0], ours), (seen[1], theirs)]
        for values, measure in turns if number % 2 == 0 else reversed(turns):
            values.append(await measure())
    return seen


def spread(values: Sequence[float]) -> float:
    """(highest - lowest) / median; 0 for a single value."""
    return (max(values) - min(values)) / statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least ``share`` of the values (0 to 1) do not exceed."""
    ordered = sorted(values)
    index = -int(-share * len(ordered) // 1) - 1
    return ordered[min(max(index, 0), len(ordered) - 1)]
