"""How long to wait, and how often to try again."""

import random
from collections.abc import Iterator

import msgspec


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds, and a number of attempts. Defaults suit a server in the same data centre."""

    connect: float = 10.0
    """Until a server has answered at start."""

    answer: float = 5.0
    """Until one try of an append is answered."""

    append: float = 20.0
    """An append with all its tries."""

    page: float = 30.0
    """One try of reading one page."""

    attempts: int = 8
    """Tries of an append or of a page."""

    first_delay: float = 0.02
    longest_delay: float = 2.0

    keepalive: float = 10.0
    """Between pings on a silent connection, and until a ping is answered."""

    def delays(self) -> Iterator[float]:
        """Pauses between tries: doubling up to the longest, with jitter, without end."""
        delay = self.first_delay
        while True:
            yield delay * random.uniform(0.5, 1.0)  # noqa: S311 - spreads retries, hides nothing
            delay = min(2 * delay, self.longest_delay)
