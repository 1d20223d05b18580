"""One life of a process: what its tasks share, from its start to its end."""

import asyncio
from collections.abc import Callable
from contextvars import Context, ContextVar
from enum import Enum, auto


class Condition(Enum):
    RUNNING = auto()
    PAUSED = auto()
    DEAD = auto()


class Incarnation:
    """Every task carries the incarnation it belongs to in its context, and children inherit it."""

    __slots__ = ("_condition", "fuse", "number", "on_burnt", "parked", "process", "runs")

    def __init__(self, process: str, number: int) -> None:
        self.process = process
        self.number = number
        self.runs = True
        self.fuse = 0
        self.on_burnt: Callable[[], None] = _nothing
        self._condition = Condition.RUNNING
        self.parked: list[asyncio.Handle] = []

    @property
    def dead(self) -> bool:
        return self._condition is Condition.DEAD

    def burn(self) -> None:
        """A step is done: when the fuse is burnt down, so it is told."""
        self.fuse -= 1
        if not self.fuse:
            self.on_burnt()

    @property
    def condition(self) -> Condition:
        return self._condition

    @condition.setter
    def condition(self, condition: Condition) -> None:
        self._condition = condition
        self.runs = condition is Condition.RUNNING

    def __str__(self) -> str:
        return self.process if self.number == 1 else f"{self.process}#{self.number}"


def _nothing() -> None: ...


_current: ContextVar[Incarnation | None] = ContextVar("incarnation", default=None)

current = _current.get
"""The incarnation that runs now. None: no process's, such as a message under way."""

enter = _current.set
"""What runs from here on, in this context, belongs to an incarnation."""


def of(context: Context) -> Incarnation | None:
    return context.get(_current)


def of_handle(handle: asyncio.Handle) -> Incarnation | None:
    context: Context = handle._context  # type: ignore[attr-defined]  # where asyncio keeps it
    return context.get(_current)
