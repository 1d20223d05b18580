"""Trailing stops: where the stop stands, given the best price since the order was placed."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Self

import msgspec

from domain.decimals import ZERO


class TrailingStep(msgspec.Struct, frozen=True, gc=False):
    """Once price reaches entry × ``reach``, the stop moves to entry × ``lift``."""

    reach: Decimal
    lift: Decimal


class TrailingStop(msgspec.Struct, frozen=True):
    """A stop that protects a position and only ever moves in its favour.

    ``protects_long`` is true for a sell stop. ``stop`` is None until the first price, or the first
    step, sets it.
    """

    protects_long: bool
    offset: Decimal | None
    steps: tuple[TrailingStep, ...]
    entry: Decimal | None
    stop: Decimal | None = None

    def observe(self, price: Decimal) -> Self:
        """The trailing stop after the market has traded at ``price``."""
        candidate = self._by_offset(price) if self.offset is not None else self._by_steps(price)
        if candidate is None or not self._improves(candidate):
            return self
        return msgspec.structs.replace(self, stop=candidate)

    def follow(self, price: Decimal, tick_size: Decimal) -> Self:
        """As ``observe``, in whole ticks, rounded away from the market; a size of zero is no rule.

        So the stop never stands closer to the market than was asked for.
        """
        candidate = self.observe(price).stop
        if candidate is None or candidate == self.stop:
            return self
        stop = self._on_tick(candidate, tick_size)
        if stop <= ZERO or not self._improves(stop):
            return self
        return msgspec.structs.replace(self, stop=stop)

    def is_hit(self, price: Decimal) -> bool:
        if self.stop is None:
            return False
        return price <= self.stop if self.protects_long else price >= self.stop

    def _by_offset(self, price: Decimal) -> Decimal | None:
        assert self.offset is not None
        stop = price - self.offset if self.protects_long else price + self.offset
        return stop if stop > ZERO else None

    def _by_steps(self, price: Decimal) -> Decimal | None:
        assert self.entry is not None
        entry = self.entry
        reached = [step for step in self.steps if self._has_reached(price, entry * step.reach)]
        if not reached:
            return None
        lifts = [entry * step.lift for step in reached]
        return max(lifts) if self.protects_long else min(lifts)

    def _has_reached(self, price: Decimal, level: Decimal) -> bool:
        return price >= level if self.protects_long else price <= level

    def _on_tick(self, stop: Decimal, tick_size: Decimal) -> Decimal:
        if tick_size == ZERO:
            return stop
        away = ROUND_FLOOR if self.protects_long else ROUND_CEILING
        return (stop / tick_size).to_integral_value(away) * tick_size

    def _improves(self, candidate: Decimal) -> bool:
        if self.stop is None:
            return True
        return candidate > self.stop if self.protects_long else candidate < self.stop
