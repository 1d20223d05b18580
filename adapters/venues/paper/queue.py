"""Orders in the order in which they are served."""

from bisect import bisect_left, insort
from datetime import datetime
from decimal import Decimal
from typing import Generic, TypeVar

from adapters.venues.paper.working_order import OrderKey

Rank = TypeVar("Rank", Decimal, datetime)


class Queue(Generic[Rank]):
    """Order keys by rank, then by priority; the lowest first. Priorities are unique."""

    def __init__(self) -> None:
        self._places: list[tuple[Rank, int, OrderKey]] = []

    def add(self, rank: Rank, priority: int, key: OrderKey) -> None:
        insort(self._places, (rank, priority, key))

    def remove(self, rank: Rank, priority: int, key: OrderKey) -> None:
        index = bisect_left(self._places, (rank, priority, key))
        assert self._places[index] == (rank, priority, key)
        del self._places[index]

    def head(self) -> OrderKey | None:
        return self._places[0][2] if self._places else None

    def in_order(self) -> tuple[OrderKey, ...]:
        return tuple(key for _, _, key in self._places)

    def keys_until(self, rank: Rank) -> tuple[OrderKey, ...]:
        """Those of this rank and below."""
        keys: list[OrderKey] = []
        for place_rank, _, key in self._places:
            if place_rank > rank:
                break
            keys.append(key)
        return tuple(keys)
