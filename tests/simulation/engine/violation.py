"""What a simulation looks for."""

import asyncio
from typing import Protocol, runtime_checkable


@runtime_checkable
class Witness(Protocol):
    """A running loop that ends its run once it has seen a violation."""

    def witness(self, violation: "Violation") -> None: ...


class Violation(BaseException):
    """An invariant does not hold, or the simulated system broke.

    It counts from the moment it is made: code under test that catches everything cannot hide it.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text
        loop: object = asyncio._get_running_loop()
        if isinstance(loop, Witness):
            loop.witness(self)
