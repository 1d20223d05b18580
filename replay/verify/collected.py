"""Findings as they come, in bounded memory."""

from typing import Generic, TypeVar

Found = TypeVar("Found")


class Collected(Generic[Found]):
    """Keeps the first ``limit`` and counts all."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.listed: list[Found] = []
        self.count = 0

    def add(self, found: Found) -> None:
        self.count += 1
        if len(self.listed) < self._limit:
            self.listed.append(found)
