"""Keeps a repeated log line from flooding the log."""

from domain.clock import Clock


class Throttle:
    """Admits one line a key in every ``seconds``, and says how many it has held back."""

    def __init__(self, clock: Clock, seconds: float = 10.0) -> None:
        self._clock = clock
        self._seconds = seconds
        self._admitted: dict[str, float] = {}
        self._held_back: dict[str, int] = {}

    def admits(self, key: str) -> bool:
        """Keys must be few: a fixed set of reasons, not anything that a peer may choose."""
        now = self._clock.monotonic()
        last = self._admitted.get(key)
        if last is not None and now - last < self._seconds:
            self._held_back[key] = self._held_back.get(key, 0) + 1
            return False
        self._admitted[key] = now
        return True

    def held_back(self, key: str) -> int:
        """How many lines were held back since the one before; starts again from zero."""
        return self._held_back.pop(key, 0)
