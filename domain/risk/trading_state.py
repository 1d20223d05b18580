"""Whether trading goes on in a scope."""

from enum import StrEnum


class TradingState(StrEnum):
    """``reducing`` admits only orders that make a position smaller; cancels pass in any state."""

    ACTIVE = "active"
    REDUCING = "reducing"
    HALTED = "halted"
